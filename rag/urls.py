"""Addresses of the document pages."""

from django.urls import path

from rag.pages import answers, documents, passages, rating, search, usage, web_pages

urlpatterns = [
    path("documents/", documents.documents, name="documents"),
    path("documents/collections/", documents.new_collection, name="new-collection"),
    path("documents/status/", documents.status, name="document-status"),
    path("documents/pages/", web_pages.add_page, name="add-web-page"),
    path("documents/<int:document_id>/check/", web_pages.check_page, name="check-web-page"),
    path("documents/<int:document_id>/", documents.document, name="document"),
    path("documents/<int:document_id>/original", documents.original, name="document-original"),
    path("documents/<int:document_id>/delete/", documents.delete, name="delete-document"),
    path("documents/<int:document_id>/retry/", documents.retry, name="retry-document"),
    path("documents/<int:document_id>/passages/<int:chunk_id>/", passages.passage, name="passage"),
    path("usage/", usage.usage, name="usage"),
    path("usage/calls.csv", usage.usage_csv, name="usage-csv"),
    path("search/documents/", search.search_documents, name="search-documents"),
    path("rooms/<int:room_id>/files/", documents.files_of_room, name="room-files"),
    path("messages/<int:message_id>/stop/", answers.stop, name="stop-answer"),
    path("messages/<int:message_id>/retry/", answers.retry, name="retry-answer"),
    path("messages/<int:message_id>/rate/", rating.rate, name="rate-answer"),
]
