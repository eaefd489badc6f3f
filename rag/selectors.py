"""Reading collections, documents, chunks and answers. Holding one is the permission: `access_` functions give it."""

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from chat.errors import Forbidden, NotFound
from chat.selectors import access_message, access_room, parse_id, rooms_readable_by
from rag.models import Answer, AnswerRating, Chunk, Collection, Document, DocumentText, Embedding

if TYPE_CHECKING:
    from chat.models import User

NO_COLLECTION = "There is no such collection, or it is not open to you."
NO_DOCUMENT = "There is no such document, or it is not open to you."
NO_CHUNK = "There is no such passage, or it is not open to you."
NO_ANSWER = "There is no such answer, or it is not open to you."


def collections_readable_by(user: "User") -> QuerySet[Collection]:
    """For everyone, own, or shared with a room the user may read; by name. The rule is the database's function."""
    readable = RawSQL("SELECT rag_collections_of_user(%s)", [user.pk])
    return Collection.objects.filter(pk__in=readable).select_related("owner").order_by("name", "pk")


def collections_writable_by(user: "User") -> QuerySet[Collection]:
    """Readable ones to which the user may add documents: own, his or her rooms' own files and, for a superuser, all."""
    readable = collections_readable_by(user)
    if user.is_superuser:
        return readable
    return readable.filter(Q(owner=user, home_room=None) | Q(pk__in=_home_collections_of(user)))


def _home_collections_of(user: "User") -> QuerySet[Collection]:
    """Own files of rooms in which the user is a member, and no guest."""
    homes = Collection.objects.filter(
        home_room__memberships__user=user, home_room__memberships__role__in=("owner", "moderator", "member")
    )
    return homes.none() if user.is_guest else homes


def access_collection(user: "User", collection_id: object, *, write: bool = False) -> Collection:
    """The collection, if the user may read it and, with `write`, add to it.

    Raises:
        NotFound: absent, or not for this user. Forbidden: readable, but not writable.
    """
    pk = parse_id(collection_id, NO_COLLECTION)
    collection = collections_readable_by(user).filter(pk=pk).first()
    if collection is None:
        raise NotFound(NO_COLLECTION)
    if write and not collections_writable_by(user).filter(pk=pk).exists():
        raise Forbidden("You may read this collection, but not add to it or change it.")
    return collection


def documents_readable_by(user: "User") -> QuerySet[Document]:
    """Documents of readable collections with collection and uploader, newest first."""
    readable = RawSQL("SELECT rag_collections_of_user(%s)", [user.pk])
    return _newest_first(Document.objects.filter(collection__in=readable))


def documents_open_to_room(room_id: int) -> QuerySet[Document]:
    """Documents that everybody who may read the room may read, with collection and uploader, newest first."""
    open_to_all = RawSQL("SELECT rag_collections_of_room(%s)", [room_id])
    return _newest_first(Document.objects.filter(collection__in=open_to_all))


def documents_of(collection: Collection) -> QuerySet[Document]:
    """The collection's documents with collection and uploader, newest first."""
    return _newest_first(Document.objects.filter(collection=collection))


def _newest_first(documents: QuerySet[Document]) -> QuerySet[Document]:
    return documents.select_related("collection", "uploaded_by").order_by("-created_at", "-pk")


def access_document(user: "User", document_id: object) -> Document:
    """The document with collection and uploader, if the user may read its collection.

    Raises:
        NotFound: absent, or not for this user.
    """
    document = documents_readable_by(user).filter(pk=parse_id(document_id, NO_DOCUMENT)).first()
    if document is None:
        raise NotFound(NO_DOCUMENT)
    return document


def access_chunk(user: "User", document_id: object, chunk_id: object) -> Chunk:
    """The chunk of that document with document and collection, if the user may read it.

    Raises:
        NotFound: absent, of another document, or not for this user.
    """
    readable = documents_readable_by(user).order_by().filter(pk=parse_id(document_id, NO_DOCUMENT))
    chunk = (
        Chunk.objects.select_related("document__collection", "document__uploaded_by")
        .filter(pk=parse_id(chunk_id, NO_CHUNK), document__in=readable.values("pk"))
        .first()
    )
    if chunk is None:
        raise NotFound(NO_CHUNK)
    return chunk


def chunks_from(chunk: Chunk, count: int) -> list[Chunk]:
    """The chunk and those that follow it in its document, `count` in all or as many as there are; at least itself."""
    following = Chunk.objects.filter(document=chunk.document_id, ordinal__gt=chunk.ordinal)
    return [chunk, *following.order_by("ordinal")[: max(count - 1, 0)]]


def headings_between(document: Document, start: int, end: int) -> set[str]:
    """The headings above the passages between the two offsets of the document's text."""
    paths = Chunk.objects.filter(document=document, start__lt=end, end__gt=start).values_list(
        "heading", flat=True
    )
    return {heading for path in paths.distinct() for heading in path.split(" › ") if heading}


def successor_of(user: "User", document_id: int) -> Document | None:
    """The newest version of a document that was replaced, if the user may read it; None if it was not replaced, too."""
    return documents_readable_by(user).filter(replaced__document_id=document_id).first()


def document_text(document: Document) -> str:
    """The text that was read from the document; "" where none is there yet."""
    return DocumentText.objects.filter(document=document).values_list("text", flat=True).first() or ""


def may_change(user: "User", document: Document) -> bool:
    """Whether the user may delete it or have it processed again: who uploaded it, or may write to its collection."""
    if document.uploaded_by_id == user.pk:
        return True
    return collections_writable_by(user).filter(pk=document.collection_id).exists()


def chunks_without_vector(document_id: int, model_id: int) -> QuerySet[Chunk]:
    """The document's chunks that the embedding model has not seen, in their order, with their documents."""
    seen = Exists(Embedding.objects.filter(chunk=OuterRef("pk"), model_id=model_id))
    return Chunk.objects.filter(~seen, document_id=document_id).select_related("document").order_by("ordinal")


def documents_indexed_before(version: int) -> QuerySet[Document]:
    """Documents whose words are found, but were indexed by rules older than these."""
    statuses = (Document.Status.EMBEDDING, Document.Status.READY)
    return Document.objects.filter(status__in=statuses, lexical_version__lt=version)


def access_answer(user: "User", answer_id: object, *, lock: bool = False) -> Answer:
    """The answer with message, question and assistant, if the user may read the message's room.

    With `lock` its room and then itself are under their row locks until the transaction ends.

    Raises:
        NotFound: absent, or not for this user.
    """
    answers = Answer.objects.select_related("message", "question", "assistant").filter(
        pk=parse_id(answer_id, NO_ANSWER), message__room__in=rooms_readable_by(user)
    )
    answer = answers.first()
    if answer is not None and lock:
        access_room(user, answer.message.room_id, lock=True)
        answer = answers.select_for_update(of=("self",)).first()
    if answer is None:
        raise NotFound(NO_ANSWER)
    return answer


def access_answer_of(user: "User", message_id: object) -> Answer:
    """The answer that the message holds, as `access_answer`.

    Raises:
        NotFound: no such message, not for this user, or no answer.
    """
    answer = Answer.objects.filter(message=access_message(user, message_id)).first()
    if answer is None:
        raise NotFound(NO_ANSWER)
    return answer


def rating_of(user: "User", answer: Answer) -> AnswerRating | None:
    """What the user said of the answer, if anything."""
    return AnswerRating.objects.filter(user=user, answer=answer).first()
