"""What was used last is kept, by number or by weight."""

from gql.recent import Recent


def held(recent: Recent[str, str], names: str) -> list[str | None]:
    return [recent.get(name) for name in names]


def test_what_was_used_last_is_kept_by_number():
    recent: Recent[str, str] = Recent(2)
    for name in "ab":
        recent.put(name, name.upper())
    recent.get("a")
    recent.put("c", "C")

    assert held(recent, "abc") == ["A", None, "C"]
    assert len(recent) == 2


def test_what_was_used_last_is_kept_by_weight_and_a_new_value_weighs_in_place_of_the_old():
    recent: Recent[str, str] = Recent(10, len)
    for name, value in (("a", "aaaa"), ("b", "bbbb"), ("a", "aaaaa")):
        recent.put(name, value)
    recent.get("b")
    recent.put("c", "cc")

    assert held(recent, "abc") == [None, "bbbb", "cc"]


def test_to_look_whether_there_is_a_value_is_no_use_of_it():
    recent: Recent[str, str] = Recent(2)
    for name in "ab":
        recent.put(name, name)
    assert "a" in recent
    recent.put("c", "c")

    assert ["a" in recent, "b" in recent, "c" in recent] == [False, True, True]


def test_both_bounds_hold_together():
    recent: Recent[str, str] = Recent(10, len, max_values=2)
    for name in "abc":
        recent.put(name, name)
    assert held(recent, "abc") == [None, "b", "c"]
    recent.put("d", "d" * 10)
    assert held(recent, "bcd") == [None, None, "d" * 10]


def test_a_value_that_is_too_heavy_alone_is_not_kept_and_nothing_else_either():
    recent: Recent[str, str] = Recent(3, len)
    recent.put("a", "a")
    recent.put("b", "bbbb")

    assert held(recent, "ab") == [None, None]
    recent.put("c", "ccc")
    assert held(recent, "c") == ["ccc"]


def test_cleared_it_has_room_for_as_much_again():
    recent: Recent[str, str] = Recent(3, len)
    recent.put("a", "aaa")
    recent.clear()
    recent.put("b", "bbb")

    assert held(recent, "ab") == [None, "bbb"]
    assert len(recent) == 1
