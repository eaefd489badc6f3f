"""A subscriber's text of an answer, whatever is lost, late or repeated."""

from hypothesis import given
from hypothesis import strategies as st

from gql.subscriptions.answer_text import AnswerText, TextPiece


def _joined(pieces: list[TextPiece]) -> str:
    text = ""
    for expected, piece in enumerate(pieces):
        assert piece.index == expected
        text += piece.text
    return text


@given(
    deltas=st.lists(st.text(min_size=1, max_size=4), max_size=12),
    saved=st.integers(0, 12),
    arrivals=st.lists(st.integers(0, 11), max_size=40),
)
def test_the_pieces_join_to_the_text_in_whatever_order_deltas_arrive(deltas, saved, arrivals):
    saved = min(saved, len(deltas))
    follower = AnswerText()
    pieces = follower.read(1, "".join(deltas[:saved]), saved)
    for index in arrivals:
        if index < len(deltas):
            pieces += follower.add(index, deltas[index])
    assert "".join(deltas).startswith(_joined(pieces))

    pieces += follower.finish("".join(deltas))

    assert _joined(pieces) == "".join(deltas)


def test_a_delta_ahead_waits_and_is_reported_as_a_gap():
    follower = AnswerText()
    follower.read(1, "", 0)
    assert follower.add(1, "b") == []
    assert follower.has_gap
    assert follower.add(0, "a") == [TextPiece(0, "a"), TextPiece(1, "b")]
    assert not follower.has_gap


def test_a_new_attempt_begins_at_index_0():
    follower = AnswerText()
    follower.read(1, "half", 1)
    assert follower.read(2, "", 0) == []
    assert follower.add(0, "whole") == [TextPiece(0, "whole")]


def test_an_older_state_of_the_database_is_ignored():
    follower = AnswerText()
    follower.read(1, "ab", 2)
    assert follower.read(1, "a", 1) == []
    assert follower.add(2, "c") == [TextPiece(1, "c")]


def test_a_finished_text_whose_earlier_words_changed_is_not_told_again():
    follower = AnswerText()
    follower.read(1, "see [7]", 1)
    assert follower.finish("see [1].") == []


def test_a_finished_text_of_a_new_attempt_is_told_from_its_start():
    follower = AnswerText()
    follower.read(1, "half a tho", 1)
    assert follower.finish("A whole thought", is_new_attempt=True) == [TextPiece(0, "A whole thought")]
