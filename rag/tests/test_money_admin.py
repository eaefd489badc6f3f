"""Budgets and the ledger in the admin."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rag.actions.budgets import reserve_call, settle_call
from rag.llm.seam import Usage
from rag.models import Budget, ModelCall
from rag.money.calls import Account, Call, CallEnd
from rag.money.prices import Prices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def spent(ada):
    """A budget of a cent of which ada has spent .009."""
    budget = Budget.objects.create(scope="user", user=ada, period="month", limit=Decimal("0.01"))
    prices = Prices.of(Decimal(3), Decimal(15))
    reserved = reserve_call(Call("answer", "claude", prices, Account(user_id=ada.pk)), Decimal("0.01"))
    settle_call(reserved, CallEnd("complete", Usage(0, 600)))
    return budget


def test_the_list_of_budgets_shows_what_is_used(admin_client, spent):
    page = admin_client.get("/admin/rag/budget/").content.decode()
    assert "0.0090" in page and 'value="90"' in page


def test_the_list_of_budgets_takes_as_many_queries_however_many_there_are(
    admin_client, spent, django_assert_max_num_queries
):
    with django_assert_max_num_queries(12):
        admin_client.get("/admin/rag/budget/")
    for cents in range(30):
        Budget.objects.create(scope="user", user=_user(cents), period="day", limit=cents)
    with django_assert_max_num_queries(12):
        admin_client.get("/admin/rag/budget/")


def _user(number):
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_user(f"user{number}")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scope": "user"}, "Choose what the scope names"),
        ({"scope": "everything", "limit": "-1"}, "not_negative"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(admin_client, fields, told):
    page = admin_client.post("/admin/rag/budget/add/", {"period": "month", "limit": "5", **fields})
    assert told in page.content.decode()
    assert not Budget.objects.exists()


def test_the_ledger_is_added_up_downloaded_and_never_edited(admin_client, spent):
    call = ModelCall.objects.get()
    chosen = {"_selected_action": [call.pk]}
    added_up = admin_client.post("/admin/rag/modelcall/", chosen | {"action": "add_up"}, follow=True)
    assert "1 calls: 0.009000 USD" in added_up.content.decode()
    download = admin_client.post("/admin/rag/modelcall/", chosen | {"action": "export_csv"})
    lines = b"".join(download.streaming_content).decode().splitlines()
    assert lines[0].startswith("begun_at,purpose") and f"{datetime.now(UTC).year}" in lines[1]
    assert admin_client.get("/admin/rag/modelcall/add/").status_code == 403
    assert admin_client.post(f"/admin/rag/modelcall/{call.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", ["budgetperiod", "reservation"])
def test_what_is_reserved_can_be_looked_at(admin_client, spent, page):
    assert admin_client.get(f"/admin/rag/{page}/").status_code == 200
