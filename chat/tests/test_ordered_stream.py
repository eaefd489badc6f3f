from hypothesis import given
from hypothesis import strategies as st

from chat.live.delivery import Delivery
from chat.live.ordered_stream import OrderedStream

ROOM = "room.1"


def stored(version: int) -> Delivery:
    return Delivery(ROOM, "new-message", {"version": version})


def delta(number: int) -> Delivery:
    return Delivery(ROOM, "message-delta", {"index": number})


def take(stream: OrderedStream, *deliveries: Delivery) -> list[int]:
    """Versions as they are handed on; deltas as negative numbers."""
    taken = [one for delivery in deliveries for one in stream.take(delivery)]
    return [one.version if one.version is not None else -one.data["index"] for one in taken]


def test_the_first_version_is_the_start_unless_one_is_expected():
    assert take(OrderedStream(), stored(7), stored(8)) == [7, 8]

    stream = OrderedStream()
    stream.expect(5)
    assert take(stream, stored(7)) == []
    assert take(stream, stored(6)) == [6, 7]


def test_a_version_comes_once():
    stream = OrderedStream()

    assert take(stream, stored(1), stored(1), stored(3), stored(3), stored(2), stored(3), stored(1)) == [
        1,
        2,
        3,
    ]


def test_a_delta_does_not_overtake_what_came_before_it():
    stream = OrderedStream()
    stream.expect(1)

    assert take(stream, delta(1), stored(3), delta(2), delta(3)) == [-1]
    assert take(stream, stored(2), delta(4)) == [2, 3, -2, -3, -4]


def test_the_position_is_that_of_what_was_handed_on():
    stream = OrderedStream()
    stream.expect(0)
    take(stream, stored(2), stored(3))

    assert [stream.position for _ in stream.take(stored(1))] == [1, 2, 3]


def test_giving_up_jumps_over_what_is_missing_and_keeps_what_no_read_shows():
    stream = OrderedStream()
    stream.expect(0)
    take(stream, stored(2), delta(1), stored(4), delta(2))

    assert stream.has_hole
    assert [one.data["index"] for one in stream.give_up()] == [1, 2]
    assert not stream.has_hole and stream.parked == 0
    assert take(stream, stored(3), stored(4), stored(5)) == [5]


def test_a_new_start_knows_nothing():
    stream = OrderedStream()
    take(stream, stored(1), stored(3), delta(1))

    assert [one.data["index"] for one in stream.start_anew()] == [1]
    assert not stream.has_hole
    assert take(stream, stored(9)) == [9]


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8)), st.sets(st.integers(1, 8)))
def test_whatever_arrives_in_whatever_order_versions_ascend_each_once(order, doubled, lost):
    stream = OrderedStream()
    stream.expect(0)
    arriving = [version for version in [*order, *doubled] if version not in lost]

    taken = take(stream, *map(stored, arriving))

    before_the_hole = min(lost, default=9) - 1
    assert taken == list(range(1, before_the_hole + 1))
    assert stream.has_hole == any(version > before_the_hole for version in arriving)
