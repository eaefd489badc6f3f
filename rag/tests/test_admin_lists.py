"""Lists of the admin: what they show to whom, and that a longer list takes no more queries."""

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rag.models import (
    Answer,
    Chunk,
    CollectionShare,
    Document,
    Embedding,
    EmbeddingModel,
    EmbeddingUsage,
    EvaluationResult,
    EvaluationRun,
    GoldenDocument,
    GoldenQuestion,
    GoldenSet,
    LanguageModel,
    PromptTemplate,
    WebPage,
)
from rag.tests.conftest import chat_model
from rag.tests.library import make_collection, make_room, make_user

pytestmark = pytest.mark.django_db
FEW, MANY = 2, 50
LISTS = (
    "collection", "collectionshare", "document", "webpage", "documenttext", "chunk", "lexicalvector", "embedding",
    "embeddingmodel", "embeddingusage", "collectionstatistic", "prompttemplate", "languagemodel", "answer",
    "answerattempt", "answerpassage", "answerrating", "goldenset", "goldenquestion", "goldendocument",
    "evaluationrun", "evaluationresult",
)  # fmt: skip


@pytest.fixture
def browser(client):
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    return client


def add_rows(numbers: range) -> None:
    """For each number one more row of every model, of a person, a collection and a document of its own."""
    for number in numbers:
        person = make_user(f"person{number}")
        room = make_room(f"room{number}", person)
        collection = make_collection(person, f"collection{number}", f"Whales sing {number}.")
        CollectionShare.objects.create(collection=collection, room=room)
        document = Document.objects.get(collection=collection)
        chunk = Chunk.objects.get(document=document)
        WebPage.objects.create(collection=collection, url=f"https://example.org/{number}", document=document)
        model = EmbeddingModel.objects.create(
            name=f"model{number}",
            dimensions=3,
            retired_at=timezone.now(),
            api="openai",
            url="https://example.org",
        )
        Embedding.objects.create(chunk=chunk, model=model, collection=collection, vector=[1.0, 0.0, 0.0])
        EmbeddingUsage.objects.create(model=model.name, is_question=True, texts=1, tokens=1, price=1, cost=1)
        prompt = PromptTemplate.objects.create(name=f"prompt{number}", version=1, persona="p", rules="r")
        LanguageModel.objects.create(name=f"language model {number}")
        add_answer(number, person, room, chunk, prompt)
        add_evaluation(number, person, document)


def add_answer(number, person, room, chunk, prompt):
    question, message = (
        chat_model("Message").objects.create(
            room=room, author=person, text=f"Who sings? {kind}", kind=kind, client_id=kind, version=place,
            posted_version=place,
        )
        for place, kind in enumerate(("person", "answer"), 1)
    )  # fmt: skip
    answer = Answer.objects.create(
        question=question, message=message, assistant=person, asked_by=person, prompt=prompt, model="m"
    )
    answer.attempts.create(number=1, model="m")
    answer.passages.create(chunk=chunk, rank=1, score=0.5, text_sha256="0" * 64)
    answer.ratings.create(user=person, helpful=False, reason=f"No, {number}.", attempt=1)


def add_evaluation(number, person, document):
    golden_set = GoldenSet.objects.create(name=f"set{number}")
    question = GoldenQuestion.objects.create(
        golden_set=golden_set, text=f"Who sings? {number}", asked_by=person
    )
    GoldenDocument.objects.create(question=question, document=document)
    run = EvaluationRun.objects.create(golden_set=golden_set, question_count=1)
    EvaluationResult.objects.create(
        run=run, question=question, text="q", asked_as="ada", ndcg=1, recall=1, mrr=1, search_ms=1
    )


def test_no_list_takes_more_queries_for_fifty_rows_than_for_two(browser):
    counts: list[dict[str, int]] = []
    for numbers in (range(FEW), range(FEW, MANY)):
        add_rows(numbers)
        counts.append({})
        for name in LISTS:
            with CaptureQueriesContext(connection) as queries:
                response = browser.get(reverse(f"admin:rag_{name}_changelist"))
            assert len(response.context["cl"].result_list) >= numbers.stop, name
            counts[-1][name] = len(queries)

    assert counts[1] == counts[0]


def test_staff_who_may_not_read_messages_see_no_question_of_a_rated_answer(client):
    add_rows(range(1))
    staff = make_user("staff", is_staff=True)
    ours = Permission.objects.filter(content_type__app_label="rag")
    staff.user_permissions.set(ours.filter(codename="view_answerrating"))
    client.force_login(staff)
    ratings = reverse("admin:rag_answerrating_changelist")
    rating = reverse("admin:rag_answerrating_change", args=[Answer.objects.get().ratings.get().pk])

    assert all("Who sings?" not in client.get(page).content.decode() for page in (ratings, rating))
    assert client.get(ratings, {"q": "sings"}).context["cl"].result_count == 0

    staff.user_permissions.add(Permission.objects.get(codename="view_message"))
    assert all("Who sings?" in client.get(page).content.decode() for page in (ratings, rating))
    assert client.get(ratings, {"q": "sings"}).context["cl"].result_count == 1


def test_staff_who_may_read_neither_messages_nor_passages_see_none_with_an_answer(client):
    add_rows(range(1))
    staff = make_user("staff", is_staff=True)
    ours = Permission.objects.filter(content_type__app_label="rag")
    staff.user_permissions.set(ours.filter(codename__regex="^view_answer(|passage|attempt)$"))
    client.force_login(staff)
    answer = Answer.objects.get()
    document = Document.objects.get()
    Document.objects.update(title="Secret whales")
    pages = [reverse(f"admin:rag_{name}_changelist") for name in ("answer", "answerpassage")]
    pages += [reverse("admin:rag_answer_change", args=[answer.pk])]

    for page in pages:
        html = client.get(page).content.decode()
        assert not any(words in html for words in ("Who sings?", "Secret whales", "Whales sing"))

    staff.user_permissions.add(*Permission.objects.filter(codename__in=["view_message", "view_chunk"]))
    answer_list, passage_list, answer_page = (client.get(page).content.decode() for page in pages)
    assert "Who sings?" in answer_list
    link = reverse("admin:rag_document_change", args=[document.pk])
    assert all(f'<a href="{link}">Secret whales</a>' in html for html in (passage_list, answer_page))
    assert "Whales sing 0." in answer_page


def test_a_document_leads_to_its_passages(browser):
    add_rows(range(1))
    link = f"{reverse('admin:rag_chunk_changelist')}?document__id__exact={Document.objects.get().pk}"

    documents = browser.get(reverse("admin:rag_document_changelist")).content.decode()

    assert link in documents
    assert [chunk.text for chunk in browser.get(link).context["cl"].result_list] == ["Whales sing 0."]


def test_times_are_written_as_on_the_pages(browser):
    add_rows(range(1))
    Document.objects.update(created_at="2026-03-01T17:05Z")

    html = browser.get(reverse("admin:rag_document_changelist")).content.decode()

    assert "1 Mar 2026, 17:05" in html
