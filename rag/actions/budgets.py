"""What a call may cost is reserved of every budget that applies before it is made, and settled by what it did cost.

Rows of budgets are locked in one order, so that calls wait for each other and never deadlock: by budget, user and first
day.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, QuerySet

from rag.models import Budget, BudgetPeriod, ModelCall, Reservation
from rag.money.calls import BudgetExceeded, Call, CallEnd, Reserved
from rag.money.periods import first_day, in_words, renews_at
from rag.money.prices import cost_usd

LEASE = timedelta(minutes=5)
KEPT_CLOSED = timedelta(days=1)
IN_ORDER = ("budget_id", "user_id", "starts_on")


def reserve_call(call: Call, most_cost: Decimal, *, now: datetime | None = None) -> Reserved:
    """Set aside what the call may cost at the most, in USD, of every budget that applies to it.

    Raises:
        BudgetExceeded: one of them has less left; nothing is set aside then.
    """
    begun_at = now or datetime.now(UTC)
    try:
        return _reserve(call, most_cost, begun_at)
    except BudgetExceeded:
        if not give_back_expired(now=begun_at):
            raise
    return _reserve(call, most_cost, begun_at)


def _reserve(call: Call, most_cost: Decimal, now: datetime) -> Reserved:
    with transaction.atomic(durable=True):
        periods = _locked_periods(call, now)
        # What costs nothing is never refused.
        refusing = next((period for period in periods if 0 < most_cost and period.left < most_cost), None)
        if refusing is not None:
            raise _exceeded(refusing, now)
        ids = [period.pk for period in periods]
        BudgetPeriod.objects.filter(pk__in=ids).update(reserved=F("reserved") + most_cost)
        reservation = Reservation.objects.create(
            amount=most_cost,
            call=call.as_json(),
            answer_id=call.account.answer_id,
            attempt=call.account.attempt,
            created_at=now,
            lease_until=now + LEASE,
        )
        reservation.periods.set(ids)
        return Reserved(reservation.pk, call, most_cost, now)


def prolong_lease(reserved: Reserved, *, now: datetime | None = None) -> None:
    """Say that the call is still under way."""
    with transaction.atomic(durable=True):
        open_ones = Reservation.objects.filter(pk=reserved.id, closed_at=None)
        open_ones.update(lease_until=(now or datetime.now(UTC)) + LEASE)


def settle_call(reserved: Reserved, end: CallEnd) -> Decimal:
    """Replace what was set aside by what the call has cost, in USD, and write it into the ledger.

    A reservation that was given back meanwhile, since its holder was taken for dead, is charged all the same.
    """
    with transaction.atomic(durable=True):
        return _settle(Reservation.objects.get(pk=reserved.id), end)


def give_back_of_answer(answer_id: int) -> int:
    """Close what workers that died over an answer had set aside: their number.

    For whoever takes the answer over, in the transaction of that and before a new attempt begins.
    """
    return _give_back(Reservation.objects.filter(closed_at=None, answer_id=answer_id))


def give_back_expired(*, now: datetime | None = None) -> int:
    """Close the reservations whose holders have not been heard of for as long as their lease; forget old ones."""
    moment = now or datetime.now(UTC)
    with transaction.atomic(durable=True):
        Reservation.objects.filter(closed_at__lt=moment - KEPT_CLOSED).delete()
        return _give_back(Reservation.objects.filter(closed_at=None, lease_until__lt=moment))


def _give_back(reservations: "QuerySet[Reservation]") -> int:
    """What a lost call had used by then nobody knows: the ledger tells of it, at no cost."""
    lost = list(reservations.order_by("pk"))
    _lock([period for reservation in lost for period in reservation.periods.values_list("pk", flat=True)])
    for reservation in lost:
        _settle(reservation, CallEnd("lost"))
    return len(lost)


def _settle(reservation: Reservation, end: CallEnd) -> Decimal:
    call = Call.from_json(reservation.call)
    cost = cost_usd(end.usage, call.prices)
    _lock(reservation.periods.values_list("pk", flat=True))
    # Locked after the budgets, as everywhere: whoever closes it first decides.
    is_open = Reservation.objects.filter(pk=reservation.pk, closed_at=None).update(
        closed_at=datetime.now(UTC)
    )
    if not is_open and end.outcome == "lost":
        return Decimal(0)
    reservation.periods.update(
        spent=F("spent") + cost, reserved=F("reserved") - (reservation.amount if is_open else 0)
    )
    account, prices, usage = call.account, call.prices, end.usage
    ModelCall.objects.create(
        purpose=call.purpose,
        outcome=end.outcome,
        model=call.model,
        user_id=account.user_id,
        room_id=account.room_id,
        assistant_id=account.assistant_id,
        answer_id=account.answer_id,
        attempt=account.attempt,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        is_estimate=end.is_estimate,
        input_price=prices.input,
        output_price=prices.output,
        cache_write_price=prices.cache_write,
        cache_read_price=prices.cache_read,
        cost=cost,
        error_code=end.error_code,
        begun_at=reservation.created_at,
    )
    return cost


# ------------------------------------------------------------------------------------------- budgets


def budgets_for(call: Call) -> "QuerySet[Budget]":
    """Every budget that the call counts against."""
    account = call.account
    which = Q(scope="everything")
    if account.user_id is not None:
        which |= Q(scope="each_user") | Q(scope="user", user=account.user_id)
        which |= Q(scope="group", group__user=account.user_id)
    if account.room_id is not None:
        which |= Q(scope="room", room=account.room_id)
    if account.assistant_id is not None:
        which |= Q(scope="assistant", assistant=account.assistant_id)
    return Budget.objects.filter(which).order_by("pk")


def _locked_periods(call: Call, now: datetime) -> list[BudgetPeriod]:
    """The current period of every budget that applies, made where it has not begun, under lock."""
    wanted = [
        BudgetPeriod(
            budget=budget,
            user_id=call.account.user_id if budget.scope == "each_user" else None,
            starts_on=first_day(budget.period, now.date()),
        )
        for budget in budgets_for(call)
    ]
    if not wanted:
        return []
    which = Q()
    for period in wanted:
        which |= Q(budget=period.budget, user_id=period.user_id, starts_on=period.starts_on)
    current = BudgetPeriod.objects.filter(which)
    if current.count() < len(wanted):
        BudgetPeriod.objects.bulk_create(wanted, ignore_conflicts=True)
    return list(current.select_related("budget").select_for_update(of=("self",)).order_by(*IN_ORDER))


def _lock(period_ids: "QuerySet[BudgetPeriod, int] | list[int]") -> None:
    periods = BudgetPeriod.objects.filter(pk__in=list(period_ids))
    list(periods.select_for_update().order_by(*IN_ORDER).values_list("pk"))


def _exceeded(period: BudgetPeriod, now: datetime) -> BudgetExceeded:
    """Whose budget it was is told only where it is the asker's own: those of rooms and groups are not everybody's."""
    budget = period.budget
    renewal = renews_at(budget.period, period.starts_on)
    own = budget.scope in ("user", "each_user")
    whose = "Your budget" if own else "The budget"
    return BudgetExceeded(
        f"{whose} for the assistant is used up for this {budget.period}. It renews on {in_words(renewal)}.",
        retry_after_s=(renewal - now).total_seconds(),
    )
