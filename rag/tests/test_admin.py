from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rag.actions import processing
from rag.models import Answer, Document
from rag.read_only_admin import rounded
from rag.tests.library import make_collection, make_user, process, upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]

MODELS = [model for model in apps.get_app_config("rag").get_models()]


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True, is_staff=True)


@pytest.fixture
def browser(client, ada):
    client.force_login(ada)
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_has_a_list_that_can_be_searched_and_opened(browser, ada, model):
    collection = make_collection(ada, "c")
    process(upload(ada, collection, "The hydraulic pump."))
    assert admin.site.is_registered(model)
    address = reverse(f"admin:rag_{model._meta.model_name}_changelist")

    assert browser.get(address).status_code == 200
    assert browser.get(address, {"q": "pump"}).status_code == 200
    for row in model.objects.all()[:1]:
        page = browser.get(reverse(f"admin:rag_{model._meta.model_name}_change", args=[row.pk]))
        assert page.status_code == 200 and len(page.content) < 100_000


def test_a_list_of_documents_takes_no_query_per_row(browser, ada):
    collection = make_collection(ada, "c")
    address = reverse("admin:rag_document_changelist")
    counts = []
    for round_ in range(2):
        for number in range(3):
            upload(ada, collection, f"Words {round_} {number}.", filename=f"{round_}{number}.txt")
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_failed_documents_of_anybody_can_be_processed_again_and_deleted(browser):
    grace = make_user("grace")
    document = upload(grace, make_collection(grace, "private"), "The hydraulic pump.")
    processing.fail_document(document.pk, code="TIMEOUT", message="Took too long.")
    address = reverse("admin:rag_document_changelist")

    browser.post(address, {"action": "retry_failed", "_selected_action": [document.pk]})
    document.refresh_from_db()
    assert document.status == Document.Status.QUEUED

    browser.post(address, {"action": "delete_with_chunks", "_selected_action": [document.pk]})
    assert not Document.objects.exists()


def test_the_page_of_an_answer_shows_its_attempts(browser, question, parley):
    answer = Answer.objects.create(question=question, message=question, assistant=parley, asked_by=parley)
    answer.attempts.create(number=1, model="claude-test-of-the-page", error_code="MODEL_OVERLOADED")

    page = browser.get(reverse("admin:rag_answer_change", args=[answer.pk])).content.decode()

    assert "claude-test-of-the-page" in page and "MODEL_OVERLOADED" in page


def test_models_stand_in_groups_and_what_only_search_uses_comes_last(browser):
    response = browser.get(reverse("admin:index"))

    groups = {
        app["name"]: [model["object_name"] for model in app["models"]] for app in response.context["app_list"]
    }
    assert "Parley administration" in response.content.decode()
    assert list(groups)[-3:] == ["Evaluation", "Models and costs", "Internals"]
    assert "GoldenSet" in groups["Evaluation"] and "EmbeddingModel" in groups["Models and costs"]
    assert "Lexeme" in groups["Internals"] and "Document" in groups["Documents and answers"]
    assert response.context["app_list"][-1]["app_url"] == reverse("admin:app_list", args=["rag"])
    assert browser.get(reverse("admin:app_list", args=["rag"])).status_code == 200
    listed = {name for names in groups.values() for name in names}
    assert {model.__name__ for model in MODELS if not model._meta.auto_created} <= listed


def test_a_prompt_template_is_never_deleted(browser):
    template = apps.get_model("rag", "PromptTemplate").objects.create(
        name="plain", version=9, persona="p", rules="r"
    )

    page = browser.get(reverse("admin:rag_prompttemplate_change", args=[template.pk]))

    assert page.status_code == 200
    assert not page.context["has_delete_permission"]


def test_columns_show_as_many_digits_as_one_reads():
    row = SimpleNamespace(score=0.123456, cosine=None, search_ms=12.7)

    assert [rounded("score", 3)(row), rounded("cosine", 3)(row), rounded("search_ms", 0)(row)] == [
        "0.123",
        "-",
        "13",
    ]
