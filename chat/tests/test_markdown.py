"""Message HTML: what hostile texts cost. Times are compared with each other, never with a clock's limit."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.markdown import (
    _LEXERS,
    MAX_HIGHLIGHTED_CHARACTERS,
    MAX_HTML_CHARACTERS,
    _render_markdown,
    _render_plain,
    render,
)

CHARACTERS = 20_000  # settings.MESSAGE_MAX_CHARACTERS
FLOOR_S = 0.01  # below this a measured time says nothing
CODE = """< <!-- <!--x <script> <? <a ( { [ " ' \\ ` ${ $(( /* // -- a 0 1. a. a: = @ & ; %
    a< a<b, a:: /** url( 1_ '''""".split()
CODE += [
    " ",
    "\n",
    " \n",
    "\r",
    "a\n",
    "- ",
    "a b ",
    "a = ",
    "int a(",
    "#if 0\n",
    "a\\\n",
    "<a b=",
    "# a\n",
    "<<EOF\n",
]
MARKS = """[ ]( [](  ![ [](a * ** *_ ***a ~~ ` ``a - # | |a a| < <a </ & &amp; &#1; \\ http://a http:// www.a
    //a @ @ab " ( [a][ [[ a@b.c""".split()
MARKS += [
    "- ",
    "> ",
    "- a\n",
    "> a\n",
    "\n> \n",
    "1. a\n",
    "a\n",
    "\n",
    "---\n",
    "*a ",
    "_a ",
    "**a *",
    "@a ",
]
MARKS += [
    "a|a\n-|-\n",
    "# a\n",
    "```\n",
    "```py\n \n```\n",
    "- [",
    "[a]: b\n",
    "[a](b",
    "    a\n",
    "<http://a>",
]
WHOLE = {
    "wide and filled up": "|a" * 200 + "\n" + "|-" * 200 + "\n" + "|\n" * 9_000,
    "filled up without a bar": "|a" * 50 + "\n" + "|-" * 50 + "\n" + "a\n" * 9_000,
    "in a quotation": "> " + "|a" * 200 + "\n> " + "|-" * 200 + "\n" + "> |\n" * 5_000,
    "references to one long address": "[a]: " + "x" * 5_000 + "\n" + "[a] " * 3_500,
    "brackets in brackets": "[" * 10_000 + "]" * 10_000,
    "emphasis": "*a " * 3_000 + "b* " * 3_000,
}


def repeated(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def assert_grows_slowly(run: Callable[[int], object], longest: int) -> None:
    """Run a part, a quarter and the whole: cubic takes 64 times as long, and what hangs is found while small."""
    before = FLOOR_S
    for size in (longest // 64, longest // 4, longest):
        bound = 30 * max(before, FLOOR_S)
        took = _timed(run, size)
        if took >= bound:  # once may be the garbage collector's, or a neighbour's on this core
            took = min(took, _timed(run, size))
        assert took < bound, f"{size}: {took:.3f} s after {before:.3f} s"
        before = took


def _timed(run: Callable[[int], object], size: int) -> float:
    started = time.thread_time()  # other threads of a test process are not the renderer's
    run(size)
    return time.thread_time() - started


def code_block(language: str, code: str) -> str:
    return f"~~~~~~~~ {language}\n{code}\n~~~~~~~~"


@pytest.mark.parametrize("language", sorted(set(_LEXERS.values())))
def test_no_repetition_keeps_a_lexer_busy(language):
    for unit in CODE:
        assert_grows_slowly(
            lambda size, unit=unit: render(code_block(language, repeated(unit, size))),
            MAX_HIGHLIGHTED_CHARACTERS - 1,
        )


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(sorted(set(_LEXERS.values()))), st.text(max_size=6), st.text(min_size=1, max_size=8))
def test_no_text_keeps_a_lexer_busy(language, start, unit):
    assert_grows_slowly(
        lambda size: render(code_block(language, start + repeated(unit, size))),
        MAX_HIGHLIGHTED_CHARACTERS - 10,
    )


@pytest.mark.parametrize("language", ["mcschema", "easytrieve", "brainfuck", "console", "guess", "Python3x"])
def test_code_in_other_languages_is_shown_as_it_is(language):
    assert render(f"```{language}\n<!--x\n```") == "<pre><code>&lt;!--x\n</code></pre>"


def test_code_is_highlighted_up_to_its_length_all_blocks_together():
    short, half = "import os\n", "x = 1\n" * (MAX_HIGHLIGHTED_CHARACTERS * 3 // 5 // 6)

    assert '<span class="kn">' in render(f"```PY title\n{short}```")
    assert "<span" not in render(f"```py\n{'x = 1' * MAX_HIGHLIGHTED_CHARACTERS}\n```")
    first, second = render(f"```py\n{half}```\n\n```py\n{half}```").split("<pre", 2)[1:]
    assert "<span" in first and "<span" not in second


@pytest.mark.parametrize("unit", MARKS)
def test_no_mark_makes_a_text_slow_or_large(unit):
    sizes = []

    assert_grows_slowly(lambda size: sizes.append(len(render(repeated(unit, size)))), CHARACTERS)

    assert max(sizes) <= max(MAX_HTML_CHARACTERS * 1.3, 5 * CHARACTERS + 10)


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_no_structure_makes_a_text_large(text):
    assert len(render(text[:CHARACTERS])) <= MAX_HTML_CHARACTERS


@settings(deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(MARKS), min_size=1, max_size=4).map("".join))
def test_no_mix_of_marks_makes_a_text_slow_or_large(unit):
    html = render(repeated(unit, CHARACTERS))

    assert len(html) <= 5 * CHARACTERS + 10


def test_what_is_too_much_is_shown_as_it_was_typed():
    assert render("[" * 2_000 + "<b>\n&") == "<p>" + "[" * 2_000 + "&lt;b&gt;<br>\n&amp;</p>"


def test_an_ordinary_table_and_long_lists_are_rendered():
    table = "| a | b | c |\n|---|:-:|---|\n" + "| 1 | 2 | `x` |\n" * 150
    tasks = "- [ ] *do* [this](http://example.org/)\n" * 150

    assert render(table).count("<td") == 450
    assert render(tasks).count("<li>") == 150


def test_many_mentions_and_citations_do_not_outgrow_the_limit():
    html = render("@a [1] " * 2_500, {1: "/documents/1/passages/1/?mark=100-200"})

    assert len(html) <= MAX_HTML_CHARACTERS and html.startswith("<p>@a [1] ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ![a plan](https://example.org/plan.png).", "See @a plan@."),
        ("Look!\n[a plan](https://example.org/plan.png)", "Look!<br>\n@a plan@"),
        ("\\![a plan](https://example.org/plan.png)", "!@a plan@"),
        ("Go!<https://example.org/plan.png>", "Go!@https://example.org/plan.png@"),
    ],
)
def test_an_image_is_a_link_with_its_description(text, shown):
    before, description, after = shown.split("@")
    opening = '<a href="https://example.org/plan.png" rel="noopener noreferrer nofollow">'

    assert render(text) == f"<p>{before}{opening}{description}</a>{after}</p>"


PLAIN_PARTS = [
    *"aZé9漢ß .,;?!'\"()%:-/@–’…😀^$=+#٣",
    "http:",
    "://",
    "1.",
    "2)",
    "12 ",
    "mate0",
    "a@b.c",
    "  ",
    "www.a.b",
    "_",
    "mailto:",
    "@a.b",
    "(c)",
]


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(PLAIN_PARTS), min_size=1, max_size=12).map("".join))
def test_a_plain_text_looks_as_markdown_makes_it(text):
    plain = _render_plain(text)

    assert plain is None or plain == _render_markdown(text, None)


def test_what_people_write_most_is_plain():
    text = 'Hello @ada, isn\'t it "well-known" (and/or tested): 50% of 12.30?! 😀'

    assert _render_plain(text) == render(text) != _render_plain(text + " *really*")
    assert (
        _render_plain("3 of us = C# people, ^ as above: $5 + tip")
        == "<p>3 of us = C# people, ^ as above: $5 + tip</p>"
    )
    assert _render_plain("^ this") == render("^ this") == "<p>^ this</p>"
