"""Addresses of the chat pages."""

from django.urls import path

from chat import attachment_page, join_page, search_page, views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("join/<str:token>/", join_page.join, name="join"),
    path("account/", views.Account.as_view(), name="account"),
    path("favicon.ico", views.favicon),
    path("rooms/", views.rooms, name="rooms"),
    path("rooms/sidebar/", views.sidebar, name="sidebar"),
    path("rooms/<int:room_id>/", views.room, name="room"),
    path("rooms/<int:room_id>/post/", views.post_message, name="post-message"),
    path("rooms/<int:room_id>/join/", views.join, name="join-room"),
    path("rooms/<int:room_id>/leave/", views.leave, name="leave-room"),
    path("rooms/<int:room_id>/read/", views.mark_read, name="mark-read"),
    path("rooms/<int:room_id>/members/", views.members, name="members"),
    path("people/", views.people, name="people"),
    path("people/<int:user_id>/message/", views.open_direct, name="open-direct"),
    path("search/", search_page.search_messages, name="search"),
    path("messages/<int:message_id>/", views.message, name="message"),
    path("messages/<int:message_id>/in-room/", search_page.message_in_room, name="message-in-room"),
    path("attachments/<int:attachment_id>/", attachment_page.attachment, name="attachment"),
    path("messages/<int:message_id>/edit/", views.edit_message, name="edit-message"),
    path("messages/<int:message_id>/react/", views.react, name="react"),
]
