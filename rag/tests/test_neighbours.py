from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.neighbours import MOST_CHUNKS, merge_neighbours
from rag.retrieval.passages import Part, Passage, passage_url
from rag.tests.passages import make_passage
from rag.text.tokens import estimate_tokens

TEXT = "Pumps are checked on Monday. Valves follow on Tuesday.\n\nHoses are the last. Nobody checks belts. They tear."


def chunk(
    ordinal: int, start: int, end: int, *, score: float = 0.5, document: int = 1, heading: str = ""
) -> Passage:
    passage = make_passage(TEXT[start:end], ordinal + 1)
    return replace(
        passage,
        document_id=document,
        ordinal=ordinal,
        start=start,
        score=score,
        heading=heading,
        page=ordinal,
        page_end=ordinal,
    )


FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    chunk(0, 0, 54), chunk(1, 29, 75), chunk(2, 56, 96), chunk(3, 76, 107), chunk(4, 97, 107)
)  # fmt: skip


def test_overlapping_neighbours_are_one_passage_with_their_words_once():
    [passage] = merge_neighbours([FIRST, SECOND], most=5)

    assert passage.text == TEXT[:75]
    assert (passage.ordinal, passage.chunk_count, passage.page, passage.page_end) == (0, 2, 0, 1)


def test_neighbours_that_only_touch_keep_their_distance():
    [passage] = merge_neighbours([FIRST, chunk(1, 56, 75)], most=5)

    assert passage.text == TEXT[:75]


def test_the_better_chunk_gives_the_scores_and_the_first_the_place():
    [passage] = merge_neighbours([replace(SECOND, score=0.9), FIRST], most=5)

    assert (passage.score, passage.chunk_id, passage.start) == (0.9, FIRST.chunk_id, 0)
    assert passage.text == TEXT[:75]


def test_what_is_no_neighbour_stays_apart():
    other_document, other_section = chunk(1, 29, 75, document=2), chunk(1, 29, 75, heading="Hoses")

    for other in (other_document, other_section, THIRD, replace(SECOND, ordinal=None)):
        assert merge_neighbours([FIRST, other], most=5) == [FIRST, other]


def test_a_passage_grows_to_three_chunks_and_the_fourth_begins_another():
    passages = merge_neighbours([SECOND, FIRST, THIRD, FOURTH, FIFTH], most=5)

    assert [(passage.ordinal, passage.chunk_count) for passage in passages] == [(0, MOST_CHUNKS), (3, 2)]
    assert [passage.text for passage in passages] == [TEXT[:96], TEXT[76:]]


def test_a_chunk_between_two_passages_makes_them_one():
    [passage] = merge_neighbours([THIRD, FIRST, SECOND], most=5)

    assert (passage.text, passage.chunk_count, passage.score) == (TEXT[:96], 3, THIRD.score)


def test_chunks_that_come_after_enough_passages_are_not_read():
    far = chunk(9, 0, 5, document=3)

    assert merge_neighbours([FIRST, SECOND, far, THIRD], most=1) == merge_neighbours([FIRST, SECOND], most=1)
    assert merge_neighbours([FIRST], most=0) == []


def test_a_merged_passage_is_shown_in_its_whole_document():
    [passage] = merge_neighbours([FIRST, SECOND], most=5)

    assert passage_url(passage) == "/documents/1/passages/1/?chunks=2"
    assert passage_url(passage, (3, 7)) == "/documents/1/passages/1/?chunks=2&mark=3-7"
    assert passage_url(FIRST) == "/documents/1/passages/1/"


@given(st.permutations([FIRST, SECOND, THIRD, FOURTH, FIFTH]), st.integers(1, 5))
def test_in_any_order_each_passage_is_a_slice_of_the_document(ranked, most):
    passages = merge_neighbours(ranked, most=most)

    assert len(passages) <= most
    for passage in passages:
        assert passage.text == TEXT[passage.start : passage.start + len(passage.text)]


def test_a_place_in_a_passage_is_that_of_its_chunk():
    [passage] = merge_neighbours([SECOND, THIRD, FIRST], most=5)

    assert passage.text == TEXT[:96]
    assert [(part.offset, part.chunk_id, part.page) for part in passage.parts] == [
        (0, 1, 0),
        (29, 2, 1),
        (56, 3, 2),
    ]
    assert [passage.part_at(offset).page for offset in (0, 28, 29, 55, 56, 95)] == [0, 0, 1, 1, 2, 2]
    assert FIRST.part_at(40) == Part(0, 1, 0)


def test_no_neighbour_takes_the_room_of_a_better_chunk():
    other = replace(FIFTH, document_id=2)
    size = estimate_tokens(FIRST.text) + estimate_tokens(other.text)

    exactly = merge_neighbours([FIRST, other, SECOND], most=5, most_tokens=size)
    more = merge_neighbours([FIRST, other, SECOND], most=5, most_tokens=size + estimate_tokens(SECOND.text))

    assert exactly == [FIRST, other]
    assert [passage.chunk_count for passage in more] == [2, 1]
    assert merge_neighbours([FIRST, other], most=5, most_tokens=1) == [FIRST]  # one there is in any case
