"""Addresses of the document pages."""

from django.urls import path

from rag import rating_page, search_page, views, web_page_views

urlpatterns = [
    path("documents/", views.documents, name="documents"),
    path("documents/collections/", views.new_collection, name="new-collection"),
    path("documents/status/", views.status, name="document-status"),
    path("documents/pages/", web_page_views.add_page, name="add-web-page"),
    path("documents/<int:document_id>/check/", web_page_views.check_page, name="check-web-page"),
    path("documents/<int:document_id>/", views.document, name="document"),
    path("documents/<int:document_id>/original", views.original, name="document-original"),
    path("documents/<int:document_id>/delete/", views.delete, name="delete-document"),
    path("documents/<int:document_id>/retry/", views.retry, name="retry-document"),
    path("documents/<int:document_id>/passages/<int:chunk_id>/", views.passage, name="passage"),
    path("search/documents/", search_page.search_documents, name="search-documents"),
    path("rooms/<int:room_id>/files/", views.files_of_room, name="room-files"),
    path("messages/<int:message_id>/stop/", views.stop_answer, name="stop-answer"),
    path("messages/<int:message_id>/retry/", views.retry_answer, name="retry-answer"),
    path("messages/<int:message_id>/rate/", rating_page.rate, name="rate-answer"),
]
