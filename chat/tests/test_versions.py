from hypothesis import given
from hypothesis import strategies as st

from chat.versions import VersionTrack


def test_versions_in_order_raise_the_floor():
    track = VersionTrack(5)

    assert [track.add(version) for version in (6, 7)] == [True, True]

    assert (track.floor, track.ahead) == (7, set())


def test_a_hole_holds_the_floor_until_it_is_filled():
    track = VersionTrack(5)
    track.add(7)
    track.add(8)
    assert (track.floor, track.ahead) == (5, {7, 8})

    track.add(6)

    assert (track.floor, track.ahead) == (8, set())


def test_reaching_a_version_forgets_what_lies_below():
    track = VersionTrack(0)
    for version in (3, 5, 6, 9):
        track.add(version)

    track.reach(4)

    assert (track.floor, track.ahead) == (6, {9})


@given(st.lists(st.integers(1, 30)), st.integers(0, 10))
def test_each_version_above_the_start_is_new_exactly_once(versions, start):
    track = VersionTrack(start)

    new = [version for version in versions if track.add(version)]

    assert sorted(new) == sorted({version for version in versions if version > start})
    assert len(new) == len(set(new))
