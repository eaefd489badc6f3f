import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingestion.chunking import (
    HEADING_SEPARATOR,
    chunk_document,
    count_words,
    document_text,
    split_sentences,
)
from rag.parsing.document import Block, ParsedDocument, normalize

SENTENCE = "The pump on line seven runs at nine hundred turns a minute. "  # 12 words


def parsed(*blocks: Block) -> ParsedDocument:
    return ParsedDocument("", blocks)


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50) | st.sampled_from(
    [
        "word",
        "end.",
        "Dr.",
        "3.14",
        "\n- item",
        "\n\n",
        "漢字。",
        "漢字",
        "x" * 1000,
        "a | b\n",
        "?!",
        "\x00",
        "e\u0301",
    ]
)
headings = st.lists(st.sampled_from(["Intro", "Setup", "Pumps\nand\tvalves", " "]), max_size=3).map(tuple)
blocks = st.builds(
    Block,
    text=st.lists(words, max_size=60).map(" ".join),
    page=st.integers(1, 9),
    heading=headings,
    is_heading=st.booleans(),
)
documents = st.lists(blocks, max_size=12).map(
    lambda items: parsed(*sorted(items, key=lambda block: block.page or 0))
)


@given(documents, st.integers(1, 60), st.integers(0, 30))
def test_chunks_keep_their_invariants_whatever_the_document(document, target_words, overlap_words):
    text, chunks = chunk_document(document, target_words=target_words, overlap_words=overlap_words)

    assert text == document_text(document)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
    covered = set()
    for chunk in chunks:
        assert 0 <= chunk.start < chunk.end <= len(text)
        assert text[chunk.start : chunk.end] == text[chunk.start : chunk.end].strip()
        assert chunk.page is not None and chunk.page_end is not None and chunk.page <= chunk.page_end
        covered.update(range(chunk.start, chunk.end))
    assert all(character.isspace() for i, character in enumerate(text) if i not in covered)
    for before, after in zip(chunks, chunks[2:], strict=False):
        assert before.end <= after.start, "only direct neighbours overlap"
    for before, after in zip(chunks, chunks[1:], strict=False):
        assert after.end > before.end
        if after.start < before.end:
            assert before.heading == after.heading


@given(st.text())
def test_sentences_are_ordered_trimmed_and_hold_every_character(text):
    spans = split_sentences(text)

    position = 0
    for start, end in spans:
        assert text[position:start].strip() == ""
        assert text[start:end] == text[start:end].strip() != ""
        position = end
    assert text[position:].strip() == ""


@given(st.text(st.characters() | st.sampled_from("\r\n\t \u00a0\u200b\x00\ufb01e\u0301")))
def test_normalized_text_is_storable_and_stays_as_it_is(text):
    result = normalize(text)

    assert normalize(result) == result
    assert unicodedata.is_normalized("NFC", result)
    assert "\x00" not in result and "\r" not in result and "\u00ad" not in result
    result.encode()  # no lone surrogates


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("ca\u0301fe\u00a0x", "cáfe x"),
        ("a\x00b\x07c", "abc"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("\ufb01nd \ufb02ow", "find flow"),
        ("one  \r\ntwo\r\rthree\n\n\n\nfour\x0cfive", "one\ntwo\n\nthree\n\nfour\nfive"),
        ("if x:\n    return  1", "if x:\n    return  1"),
        ("visible\U000e0041\U000e0042\U000e0101", "visible"),
        ("👩\u200d🔧", "👩\u200d🔧"),
        ("", ""),
    ],
)
def test_normalize(raw, clean):
    assert normalize(raw) == clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Ada met Mr. J. Smith, e.g. on Fig. 3. Then she left.",
         ["Dr. Ada met Mr. J. Smith, e.g. on Fig. 3.", "Then she left."]),
        ("It is 3.14 bar. Version 1.2.3 is out.", ["It is 3.14 bar.", "Version 1.2.3 is out."]),
        ("In 2019. The next year.", ["In 2019.", "The next year."]),
        ("See No. 5 on p. 12. Is it so? No. Then stop.",
         ["See No. 5 on p. 12.", "Is it so?", "No.", "Then stop."]),
        ("1. Open the valve. 2. Close it.", ["1. Open the valve.", "2. Close it."]),
        ("Steps:\n1. Open the valve\n2. Close it\n- done",
         ["Steps:", "1. Open the valve", "2. Close it", "- done"]),
        ("a hard\nwrapped line. Next", ["a hard\nwrapped line.", "Next"]),
        ("Title\n\nBody text", ["Title", "Body text"]),
        ("Name | Size\nPump | 4 bar\n\nEnd", ["Name | Size", "Pump | 4 bar", "End"]),
        ("他来了。她走了！「好。」他说", ["他来了。", "她走了！", "「好。」", "他说"]),
        ('He said "stop." Then left. (See below.) Go',
         ['He said "stop."', "Then left.", "(See below.)", "Go"]),
        ("Wait... what? yes. Ok", ["Wait... what? yes.", "Ok"]),
        ("Die Anlage läuft z. B. am 3. Oktober. Danach nicht.",
         ["Die Anlage läuft z. B. am 3. Oktober.", "Danach nicht."]),
        ("वह आया। वह गया।", ["वह आया।", "वह गया।"]),
        ("   \n ", []),
    ],
)  # fmt: skip
def test_split_sentences(text, expected):
    assert sentences_of(text) == expected


def test_splitting_takes_linear_time_on_hostile_input():
    for text in ("." * 300_000, "\n" + " " * 300_000, "a | b\n" * 50_000, "((((" * 75_000, "A. " * 100_000):
        split_sentences(text)


@pytest.mark.parametrize("unit", ["A. ", "a. ", "1. ", "(a ", "…\n", "x | y\n", "\n\t", "! ", '."', "A.B. "])
def test_splitting_a_sentence_that_never_ends_takes_linear_time(unit):
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        started = time.thread_time()
        split_sentences(text)
        return time.thread_time() - started

    # What is quadratic takes 256 times as long; what is linear 16 times, however busy the machine is.
    assert seconds(320_000) < 80 * max(seconds(20_000), 0.002)


def test_chunks_end_at_sentences_near_the_target_and_overlap():
    text, chunks = chunk_document(parsed(Block(SENTENCE * 60, page=1)))

    sizes = [count_words(text[chunk.start : chunk.end]) for chunk in chunks]
    assert sizes == [144, 144, 144, 144, 144, 120]
    for chunk in chunks:
        assert text[chunk.start : chunk.end].endswith("minute.")
    for before, after in zip(chunks, chunks[1:], strict=False):
        assert count_words(text[after.start : before.end]) == 24


def test_a_short_rest_joins_the_last_chunk():
    text, chunks = chunk_document(parsed(Block(SENTENCE * 14)))

    assert [(chunk.start, chunk.end) for chunk in chunks] == [(0, len(text))]


def test_a_sentence_longer_than_a_chunk_is_cut_at_words_with_overlap():
    text, chunks = chunk_document(parsed(Block(" ".join(f"w{i}" for i in range(500)))))

    assert len(chunks) == 4
    assert all(count_words(text[chunk.start : chunk.end]) <= 150 + 30 for chunk in chunks)
    assert all(text[chunk.start] == "w" for chunk in chunks)
    assert count_words(text[chunks[1].start : chunks[0].end]) == 30


@pytest.mark.parametrize("text", ["漢字仮名" * 500, "x" * 30_000])
def test_text_without_spaces_is_cut_to_size(text):
    _, chunks = chunk_document(parsed(Block(text)))

    assert max(chunk.end - chunk.start for chunk in chunks) <= 3600
    assert len(chunks) > 8


def test_a_chunk_stays_within_its_section():
    first, second = ("Guide", "Pumps"), ("Guide", "Valves")
    text, chunks = chunk_document(
        parsed(
            Block("Pumps", 1, ("Guide",), True),
            Block(SENTENCE * 6, 1, first),
            Block("Valves", 2, ("Guide",), True),
            Block(SENTENCE * 16, 2, second),
            Block(SENTENCE * 4, 3, second),
        )
    )

    assert [chunk.heading for chunk in chunks] == ["Guide › Pumps", "Guide › Valves", "Guide › Valves"]
    assert [(chunk.page, chunk.page_end) for chunk in chunks] == [(1, 1), (2, 2), (2, 3)]
    assert text[chunks[1].start :].startswith("Valves\n\n")


def test_tiny_sections_under_one_heading_share_a_chunk():
    questions = [
        Block(text, None, path, is_heading)
        for number in range(4)
        for text, path, is_heading in [
            (f"Question {number}?", ("FAQ",), True),
            (SENTENCE, ("FAQ", f"Question {number}?"), False),
        ]
    ]

    text, chunks = chunk_document(parsed(Block("FAQ", None, (), True), *questions))

    assert [chunk.heading for chunk in chunks] == ["FAQ"]
    assert text[chunks[0].start : chunks[0].end] == text


def test_tiny_sections_without_a_common_heading_stay_apart():
    _, chunks = chunk_document(
        parsed(Block("One", None, (), True), Block(SENTENCE, None, ("One",)), Block(SENTENCE, None, ("Two",)))
    )

    assert [chunk.heading for chunk in chunks] == ["One", "Two"]


def test_a_heading_without_text_goes_with_the_section_below_it():
    text, chunks = chunk_document(
        parsed(
            Block("Part I", None, (), True),
            Block("Pumps", None, ("Part I",), True),
            Block(SENTENCE * 12, None, ("Part I", "Pumps")),
        )
    )

    assert [chunk.heading for chunk in chunks] == [HEADING_SEPARATOR.join(["Part I", "Pumps"])]
    assert text[chunks[0].start :].startswith("Part I\n\nPumps")


def test_a_document_without_words_has_no_chunks():
    assert chunk_document(parsed(Block(" \x00 "), Block(""))) == ("", [])
