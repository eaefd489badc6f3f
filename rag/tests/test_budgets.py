"""Nothing is spent that is not there: reservations, what settles them, and the ledger."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from rag.actions.budgets import (
    LEASE,
    give_back_expired,
    give_back_of_answer,
    prolong_lease,
    reserve_call,
    settle_call,
)
from rag.llm.seam import Usage
from rag.models import Budget, BudgetPeriod, ModelCall, Reservation
from rag.money.calls import Account, BudgetExceeded, Call, CallEnd
from rag.money.prices import Prices

pytestmark = pytest.mark.django_db(transaction=True)
PRICES = Prices.of(Decimal(3), Decimal(15))
CENT = Decimal("0.01")
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def call_of(user=None, **account):
    return Call("answer", "claude", PRICES, Account(user_id=user and user.pk, **account))


def budget(limit, scope="everything", period="month", **whose):
    return Budget.objects.create(scope=scope, period=period, limit=limit, **whose)


def standing(of):
    return [(row.spent, row.reserved) for row in of.periods.order_by("starts_on", "user_id")]


def test_the_real_cost_takes_the_place_of_what_was_reserved(ada):
    everything = budget(1)
    reserved = reserve_call(call_of(ada), 10 * CENT)
    assert standing(everything) == [(0, 10 * CENT)]
    cost = settle_call(reserved, CallEnd("complete", Usage(1000, 100, 200, 4000)))
    # 1000 read at 3, 100 written at 15, 200 written to the cache at 3.75, 4000 read from it at .3, per million
    assert cost == Decimal("0.006450")
    assert standing(everything) == [(cost, 0)]
    row = ModelCall.objects.get()
    assert (row.user, row.cost, row.outcome, row.cache_read_tokens) == (ada, cost, "complete", 4000)


def test_what_does_not_fit_is_refused_with_the_day_of_renewal_and_nothing_is_set_aside(ada):
    month, day = budget(5), budget(Decimal("0.05"), "user", "day", user=ada)
    with pytest.raises(BudgetExceeded) as refusal:
        reserve_call(call_of(ada), 6 * CENT, now=NOON)
    assert refusal.value.message == (
        "Your budget for the assistant is used up for this day. It renews on 1 April, 00:00 UTC."
    )
    assert refusal.value.as_dict()["code"] == "BUDGET_EXCEEDED"
    assert refusal.value.retry_after_s == 12 * 3600
    assert standing(month) == standing(day) == []
    assert not Reservation.objects.exists()


def test_a_budget_renews_with_its_period(ada):
    monthly = budget(CENT)
    settle_call(reserve_call(call_of(ada), CENT, now=NOON), CallEnd("complete", Usage(0, 600)))
    with pytest.raises(BudgetExceeded, match="this month. It renews on 1 April"):
        reserve_call(call_of(ada), CENT, now=NOON)
    reserve_call(call_of(ada), CENT, now=NOON + timedelta(days=1))
    assert [row.starts_on.month for row in monthly.periods.order_by("starts_on")] == [3, 4]


def test_every_budget_that_applies_counts_and_no_other(ada, grace, parley):
    team = Group.objects.create(name="team")
    ada.groups.add(team)
    counted = [
        budget(1),
        budget(1, "each_user"),
        budget(1, "user", user=ada),
        budget(1, "group", group=team),
        budget(1, "assistant", assistant=parley),
        budget(1, period="day"),
    ]
    others = [
        budget(1, "user", user=grace),
        budget(1, "group", group=Group.objects.create(name="others")),
        budget(1, "assistant", assistant=grace),
    ]
    reserve_call(call_of(ada, assistant_id=parley.pk), CENT)
    assert [standing(one) for one in counted] == [[(0, CENT)]] * len(counted)
    assert [standing(one) for one in others] == [[]] * len(others)


def test_a_budget_of_each_user_is_not_shared(ada, grace):
    each = budget(CENT, "each_user")
    reserve_call(call_of(ada), CENT)
    reserve_call(call_of(grace), CENT)
    for user in (ada, grace):
        with pytest.raises(BudgetExceeded):
            reserve_call(call_of(user), CENT)
    assert standing(each) == [(0, CENT), (0, CENT)]


def test_what_costs_nothing_is_never_refused(ada):
    budget(0)
    reserve_call(call_of(ada), Decimal(0))


def test_a_reservation_of_a_holder_that_died_is_given_back_and_the_ledger_tells(ada):
    everything = budget(1)
    now = datetime.now(UTC)
    alive, dead = reserve_call(call_of(ada), CENT), reserve_call(call_of(ada), CENT)
    prolong_lease(alive, now=now + LEASE)
    assert give_back_expired(now=now + LEASE + timedelta(seconds=30)) == 1
    assert standing(everything) == [(0, CENT)]
    assert list(ModelCall.objects.values_list("outcome", "cost")) == [("lost", 0)]
    assert Reservation.objects.get(closed_at=None).pk == alive.id != dead.id


def test_what_the_dead_hold_refuses_nobody(ada):
    budget(CENT)
    reserve_call(call_of(ada), CENT, now=NOON)
    reserve_call(call_of(ada), CENT, now=NOON + LEASE + timedelta(seconds=1))


def test_a_holder_taken_for_dead_is_charged_when_it_turns_up(ada):
    everything = budget(1)
    reserved = reserve_call(call_of(ada), CENT, now=NOON)
    give_back_expired(now=NOON + 2 * LEASE)
    cost = settle_call(reserved, CallEnd("complete", Usage(0, 100)))
    assert standing(everything) == [(cost, 0)]
    assert list(ModelCall.objects.order_by("pk").values_list("outcome", flat=True)) == ["lost", "complete"]


def test_who_takes_an_answer_over_gives_back_what_the_attempts_before_held(ada):
    everything = budget(1)
    for answer_id in (7, 7, 8):
        reserve_call(call_of(ada, answer_id=answer_id, attempt=1), CENT)
    with transaction.atomic():
        assert give_back_of_answer(7) == 2
    assert standing(everything) == [(0, CENT)]


def test_the_ledger_refuses_changes_and_deletions(ada):
    settle_call(reserve_call(call_of(ada), CENT), CallEnd("complete"))
    for change in (ModelCall.objects.all().delete, lambda: ModelCall.objects.update(cost=0)):
        with pytest.raises(IntegrityError, match="only ever added"):
            change()


def test_people_and_rooms_that_are_deleted_stay_in_the_ledger(ada):
    settle_call(reserve_call(call_of(ada), CENT), CallEnd("complete"))
    user_id = ada.pk
    ada.delete()
    assert ModelCall.objects.get().user_id == user_id


def test_two_hundred_at_once_never_overspend_and_strand_nothing(ada, grace):
    """Budgets for 50 calls; each call of the 200 ends at its worst case, at half of it, or is lost."""
    team = Group.objects.create(name="team")
    for user in (ada, grace):
        user.groups.add(team)
    most = (15 * Decimal(1000) / 1_000_000).quantize(Decimal("0.0000000001"))
    budgets = [budget(most * 50), budget(1000, "each_user", "day"), budget(1000, "group", group=team)]
    ends = [Usage(0, 1000), Usage(0, 500), None]

    def ask(number):
        try:
            reserved = reserve_call(call_of((ada, grace)[number % 2]), most)
        except BudgetExceeded:
            return 0
        finally:
            connection.close()
        usage = ends[number % 3]
        try:
            return 0 if usage is None else settle_call(reserved, CallEnd("complete", usage))
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        spent = sum(pool.map(ask, range(200)))
    give_back_expired(now=datetime.now(UTC) + 2 * LEASE)
    assert 0 < spent <= most * 50
    assert all(sum(row.spent for row in one.periods.all()) == spent for one in budgets)
    assert not BudgetPeriod.objects.exclude(reserved=0).exists()
    assert not Reservation.objects.filter(closed_at=None).exists()
    assert sum(ModelCall.objects.values_list("cost", flat=True)) == spent
