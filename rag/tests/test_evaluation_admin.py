"""The admin's pages of golden questions and evaluations."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from rag.evaluation.metrics import Scores
from rag.models import (
    Answer,
    AnswerRating,
    EvaluationResult,
    EvaluationRun,
    GoldenDocument,
    GoldenQuestion,
    GoldenSet,
)
from rag.tests.conftest import chat_model
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db
SEEN = ("goldenset", "goldenquestion", "goldendocument", "evaluationrun", "evaluationresult")


@pytest.fixture
def browser(client):
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    return client


@pytest.fixture
def golden() -> GoldenSet:
    return GoldenSet.objects.create(name="Basics")


@pytest.fixture
def rating(ada, question, parley) -> AnswerRating:
    message = chat_model("Message").objects.create(
        room=question.room, author=parley, kind="answer", client_id="a", version=9, posted_version=9
    )
    answer = Answer.objects.create(question=question, message=message, assistant=parley, asked_by=ada)
    return AnswerRating.objects.create(answer=answer, user=ada, helpful=False, reason="no", attempt=1)


@pytest.mark.django_db(transaction=True)
def test_one_click_makes_a_rating_a_candidate_and_opens_it(browser, rating):
    address = reverse("admin:rag_answerrating_golden", args=[rating.pk])
    for page in ("changelist", "change"):
        arguments = [rating.pk] if page == "change" else []
        html = browser.get(reverse(f"admin:rag_answerrating_{page}", args=arguments)).content.decode()
        assert address in html and 'id="golden-form"' in html and 'form="golden-form"' in html

    assert browser.get(address).status_code == 405
    response = browser.post(address)

    made = GoldenQuestion.objects.get()
    page = reverse("admin:rag_goldenquestion_change", args=[made.pk])
    assert response["Location"] == page
    assert "How many days of leave" in browser.get(page).content.decode()
    assert address not in browser.get(reverse("admin:rag_answerrating_changelist")).content.decode()
    assert (
        address
        not in browser.get(reverse("admin:rag_answerrating_change", args=[rating.pk])).content.decode()
    )
    assert browser.post(reverse("admin:rag_answerrating_golden", args=[rating.pk + 1])).status_code == 404


def test_who_may_not_open_every_passage_sees_no_search_as_somebody_else(client, ada, golden):
    staff = make_user("staff", is_staff=True)
    ours = Permission.objects.filter(content_type__app_label="rag")
    staff.user_permissions.set(ours.filter(content_type__model__regex="^(golden|evaluation)"))
    client.force_login(staff)
    run = EvaluationRun.objects.create(golden_set=golden, question_count=0)
    pages = [reverse(f"admin:rag_{name}_changelist") for name in SEEN] + [
        reverse("admin:rag_goldenquestion_add"),
        reverse("admin:rag_evaluationrun_change", args=[run.pk]),
    ]

    assert [client.get(page).status_code for page in pages] == [403] * len(pages)
    client.post(pages[0], {"action": "evaluate", "_selected_action": [golden.pk]})
    assert EvaluationRun.objects.count() == 1

    staff.user_permissions.add(ours.get(codename="view_chunk"))
    assert [client.get(page).status_code for page in pages] == [200] * len(pages)


def test_staff_without_the_permission_make_none(client, rating):
    client.force_login(make_user("staff", is_staff=True))

    response = client.post(reverse("admin:rag_answerrating_golden", args=[rating.pk]))

    assert response.status_code == 403 and not GoldenQuestion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_question_is_put_right_accepted_and_its_set_evaluated(browser, ada, golden):
    [document] = make_collection(ada, "c", "Whales sing.").documents.all()
    question = GoldenQuestion.objects.create(golden_set=golden, text="Who sings?", asked_by=ada)
    sets = reverse("admin:rag_goldenset_changelist")

    refused = browser.post(sets, {"action": "evaluate", "_selected_action": [golden.pk]})
    assert "no accepted question" in str(list(get_messages(refused.wsgi_request))[0])
    browser.post(
        reverse("admin:rag_goldenquestion_change", args=[question.pk]),
        {
            "text": "Who sings at sea?", "asked_by": ada.pk, "golden_set": golden.pk, "note": "",
            "relevant-TOTAL_FORMS": 1, "relevant-INITIAL_FORMS": 0,
            "relevant-0-document": document.pk, "relevant-0-grade": 3,
        },
    )  # fmt: skip
    browser.post(
        reverse("admin:rag_goldenquestion_changelist"),
        {"action": "accept", "_selected_action": [question.pk]},
    )
    begun = browser.post(sets, {"action": "evaluate", "_selected_action": [golden.pk]})

    relevant = GoldenDocument.objects.get()
    assert (relevant.source, relevant.grade, relevant.collection_id) == (
        document.source,
        3,
        document.collection_id,
    )
    run = EvaluationRun.objects.get()
    assert (run.question_count, run.started_by.username) == (1, "root")
    assert begun["Location"] == reverse("admin:rag_evaluationrun_change", args=[run.pk])
    page = browser.get(begun["Location"]).content.decode()
    assert "0 of 1" in page and 'http-equiv="refresh"' in page


def done_run(golden: GoldenSet, scores: dict[GoldenQuestion, float], **fields) -> EvaluationRun:
    mean = sum(scores.values()) / len(scores)
    run = EvaluationRun.objects.create(
        golden_set=golden, status="done", question_count=len(scores), done_count=len(scores),
        ndcg=mean, recall=mean, mrr=mean, finished_at="2026-01-01T00:00Z",
        configuration={"embedder": "scripted", "top_k": 20}, **fields,
    )  # fmt: skip
    EvaluationResult.objects.bulk_create(
        EvaluationResult(
            run=run, question=question, text=question.text, asked_as="ada", search_ms=3.2,
            ndcg=ndcg, recall=ndcg, mrr=ndcg, found=[{"id": 7, "title": "Pumps", "score": 0.5, "grade": 1}],
        )
        for question, ndcg in scores.items()
    )  # fmt: skip
    return run


def test_the_page_of_a_run_shows_what_changed_since_any_earlier_run(browser, ada, golden):
    one, two = (
        GoldenQuestion.objects.create(golden_set=golden, text=text, asked_by=ada, accepted=True)
        for text in ("Who sings?", "Which pressure?")
    )
    oldest = done_run(golden, {one: 0.25, two: 1.0}, note="the first")
    done_run(golden, {one: 0.5, two: 0.5})
    newest = done_run(golden, {one: 1.0, two: 0.5})
    address = reverse("admin:rag_evaluationrun_change", args=[newest.pk])

    page = browser.get(address).content.decode()
    assert "Better: 1" in page and "Worse: 0" in page and "0.500 → 1.000" in page and "0.750" in page
    assert browser.get(address).context["comparison"].after == Scores(0.75, 0.75, 0.75)

    page = browser.get(address, {"against": oldest.pk}).content.decode()
    assert "Worse: 1" in page and "1.000 → 0.500" in page and f"Since run {oldest.pk}" in page
    assert browser.get(address, {"against": "nonsense"}).status_code == 200

    result = newest.results.get(question=one)
    shown = browser.get(reverse("admin:rag_evaluationresult_change", args=[result.pk])).content.decode()
    assert "1. Pumps (0.5, relevant)" in shown


def test_the_list_of_runs_takes_no_query_per_row(browser, ada, golden, django_assert_max_num_queries):
    question = GoldenQuestion.objects.create(golden_set=golden, text="q", asked_by=ada)
    for _ in range(20):
        done_run(golden, {question: 1.0})

    with django_assert_max_num_queries(12):
        assert browser.get(reverse("admin:rag_evaluationrun_changelist")).status_code == 200
