"""Which words are mentions, and how text becomes HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markdown import render
from chat.mentions import find_mentions, strip_mention


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@ada", ["ada"]),
        ("hi @Ada, @grace. and @ada!", ["ada", "grace"]),
        ("(@ada) @ada.lovelace", ["ada", "ada.lovelace"]),
        ("mail ada@example.org or pkg/@scope", []),
        ("`@ada` ```\n@grace\n``` @linus", ["linus"]),
        ("@ @@ @-", []),
    ],
)
def test_mentions_are_found(text, names):
    assert find_mentions(text) == names


def test_a_question_is_what_is_left_without_the_mention():
    assert strip_mention("@parley, how many days?", "parley") == "how many days?"
    assert strip_mention("how @Parley many", "parley") == "how many"
    assert strip_mention("@parleyfan hello", "parley") == "@parleyfan hello"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/?q=secret)",
        '<img src=x onerror="alert(1)">',
        "[x](data:text/html;base64,xxxx)",
    ],
)
def test_nothing_that_runs_or_loads_comes_through(text):
    html = render(text)
    assert "<script" not in html and "<img" not in html and "javascript:" not in html.split("href")[-1][:14]
    assert 'href="data:' not in html


def test_mentions_and_citations_are_marked_outside_code_only():
    html = render("@ada says [1] and `[1] @ada` and [9]", {1: "/documents/1/passages/2/?mark=0-4"})
    assert '<span class="mention">@ada</span> says <a class="citation"' in html
    assert 'href="/documents/1/passages/2/?mark=0-4"' in html
    assert "<code>[1] @ada</code>" in html and "[9]" in html


def test_addresses_become_links_and_file_names_do_not():
    html = render("see https://example.org/a and README.md")
    assert 'href="https://example.org/a"' in html and html.count("<a ") == 1
    assert 'rel="noopener noreferrer nofollow"' in html


def test_code_is_highlighted_by_classes():
    assert '<span class="k">def</span>' in render("```python\ndef f(): pass\n```")


@given(st.text(max_size=300))
def test_any_text_renders_to_clean_html(text):
    html = render(text)
    assert "<script" not in html.lower() and "<img" not in html.lower() and "<style" not in html.lower()
