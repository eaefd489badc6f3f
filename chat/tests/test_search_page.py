"""The page that finds messages: what it shows, pages of it, and the way from a result to its room."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat import actions
from chat.models import Message
from chat.search_page import PAGE_RESULTS, SHOWN_AFTER
from chat.snippets import SnippetPiece, plain_text, snippets_of
from chat.tests.pages import page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def say(ada, general):
    """A function that posts as ada in general."""
    return lambda text, room=general: actions.post_message(ada, room_id=room.pk, text=text)


def found(response) -> list[Message]:
    return [row.message for row in response.context["rows"]]


def test_messages_are_found_newest_first_with_the_words_marked(as_grace, ada, say):
    first = say("The **otters** sleep at noon.")
    say("Nothing of interest")
    second = say("An otter at pool nine & more")

    response = page(as_grace, "search", q="otter")

    assert found(response) == [second, first]
    html = response.content.decode()
    assert "The <mark>otters</mark> sleep at noon." in html
    assert "An <mark>otter</mark> at pool nine &amp; more" in html
    assert f'href="{reverse("message-in-room", args=[second.pk])}"' in html


def test_only_what_may_be_read_is_found(as_guest, private, say):
    say("a secret otter", private)
    assert found(page(as_guest, "search", q="otter")) == []
    assert page(as_guest, "search", q="otter", room=private.pk).status_code == 404


def test_a_deleted_message_is_not_found(as_ada, ada, say):
    actions.delete_message(ada, message_id=say("an otter").pk)
    response = page(as_ada, "search", q="otter")
    assert found(response) == []
    assert "No message has “otter”" in response.content.decode()


def test_one_room_can_be_searched_alone(as_ada, private, say):
    say("an otter")
    wanted = say("another otter", private)

    response = page(as_ada, "search", q="otter", room=private.pk)

    assert found(response) == [wanted]
    assert f'<option value="{private.pk}" selected>' in response.content.decode()


def test_pages_follow_each_other_whatever_is_posted_meanwhile(as_ada, ada, say):
    posted = [say(f"otter {number}") for number in range(PAGE_RESULTS + 2)][::-1]

    first = page(as_ada, "search", q="otter")
    say("otter, the newest")
    second = as_ada.get(reverse("search") + first.context["next_url"])

    assert found(first) + found(second) == posted
    assert second.context["next_url"] is None
    assert len(found(as_ada.get(reverse("search") + second.context["first_url"]))) == PAGE_RESULTS


def test_the_best_matches_come_first_where_one_wants_them(as_ada, say):
    best = say("otters, otters, otters")
    long = say("In a long report on all that swims, an otter " + "is said to have been seen by somebody " * 5)
    newest = [say(f"Where is otter {number} now?") for number in range(PAGE_RESULTS)][::-1]

    first = page(as_ada, "search", q="otter", sort="best")
    second = as_ada.get(reverse("search") + first.context["next_url"])

    assert found(first) + found(second) == [best, *newest, long]
    assert "best match first" in first.content.decode()
    assert (first.context["first_url"], second.context["next_url"]) == (None, None)
    assert found(as_ada.get(reverse("search") + second.context["first_url"])) == found(first)


@pytest.mark.parametrize("number", ["0", "99999999999999999", "-1", "two"])
def test_a_page_that_there_is_not_is_a_page(as_ada, say, number):
    say("otters")
    assert page(as_ada, "search", q="otter", sort="best", page=number).status_code == 200


@pytest.mark.parametrize("q", ["", " ", "the", "-otter", "'\"(&|!", "\x00", "é" * 600])
def test_a_query_that_finds_nothing_is_a_page(as_ada, say, q):
    say("otters")
    response = page(as_ada, "search", q=q)
    assert (response.status_code, found(response)) == (200, [])


def test_the_number_of_queries_does_not_grow_with_the_results(
    as_ada, ada, grace, private, say, django_assert_num_queries
):
    direct = actions.open_direct_room(ada, other_id=grace.pk)
    say("otter")
    say("otter", direct)
    with CaptureQueriesContext(connection) as few:
        assert len(found(page(as_ada, "search", q="otter"))) == 2
    for room in (private, direct):
        say("otter", room)
    with django_assert_num_queries(len(few)):
        assert len(found(page(as_ada, "search", q="otter"))) == 4


def test_a_result_leads_to_its_place_in_the_room(as_ada, general, say):
    old = say("otter")
    later = [say(f"message {number}") for number in range(SHOWN_AFTER + 1)]

    far = page(as_ada, "message-in-room", old.pk)
    near = page(as_ada, "message-in-room", later[0].pk)

    room = reverse("room", args=[general.pk])
    assert far.url == f"{room}?before={later[-1].posted_version}#message-{old.pk}"
    assert near.url == f"{room}#message-{later[0].pk}"
    assert f'id="message-{old.pk}"' in as_ada.get(far.url).content.decode()


def test_nobody_is_led_to_what_he_may_not_read(as_guest, private, say):
    assert page(as_guest, "message-in-room", say("otter", private).pk).status_code == 404


def test_a_snippet_is_the_part_that_matches():
    text = " ".join(["before"] * 60 + ["an", "Ötter", "sleeps"] + ["behind"] * 60)

    [pieces, beginning] = snippets_of("otters", [text, "no such word"])

    assert [piece for piece in pieces if piece.is_marked] == [SnippetPiece("Ötter", True)]
    assert pieces[0].text.startswith("… before") and pieces[-1].text.endswith("behind …")
    assert len("".join(piece.text for piece in pieces)) < 300
    assert beginning == [SnippetPiece("no such word", False)]


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("o" * 20_000, "otter", "o" * 200),
        ("<b>otter</b>", "otter", "otter"),
        ("it's at C:\\otters\\pool", "it's C:\\otters\\pool' | otters", "it's at C:\\otters\\pool"),
        ("otter " * 3300, "otter " * 80, "otter otter"),
    ],
)
def test_whatever_was_written_has_a_snippet(text, query, shown):
    [pieces] = snippets_of(query, [text])
    assert shown in "".join(piece.text for piece in pieces)


def test_a_snippet_shows_no_markup():
    html = '<p>A <a href="/x?a>b">link</a> &lt;b&gt;</p>\n<p>two<a class="citation" href="/p">1</a></p>'
    assert plain_text(html) == "A link <b> two"


def test_who_searches_without_end_is_told_to_wait(as_grace, ada, say, limited):
    limited("searches", user=(0.01, 2))
    say("otters")

    assert [page(as_grace, "search", q="otter").status_code for _ in range(2)] == [200, 200]
    refused = as_grace.get(reverse("search"), {"q": "otter"})

    assert refused.status_code == 429 and 0 < int(refused["Retry-After"]) <= 100
    assert "Too many searches at once. Wait a moment." in refused.content.decode()
    assert as_grace.get(reverse("search-documents"), {"q": "otter"}).status_code == 429
    assert as_grace.get(reverse("search")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "otter " * 83,
        "or " * 166,
        "-" * 500,
        "- " * 250,
        "-" * 400 + "otter",
        '"' * 499,
        "otter -" * 71,
        '"otter sleep" or ' * 29,
        " or ".join(f"o{n}" for n in range(100)),
        "\\ : & | ! ( ) <-> * ':*" * 20,
        "\U0001f9a6" * 500,
        "a" * 500,
    ],
)
def test_hostile_queries_are_answered(as_grace, say, query):
    say("The otters sleep. " * 500)

    assert page(as_grace, "search", q=query).status_code == 200


def test_a_search_that_takes_too_long_is_given_up(as_grace, say, monkeypatch):
    say("otters")
    monkeypatch.setattr(
        "chat.message_search._RANK", "(select 0.5 + 0 * length(pg_sleep(60)::text) where %s > '')"
    )
    monkeypatch.setattr("chat.message_search.TIME_LIMIT_S", 0.2)

    response = as_grace.get(reverse("search"), {"q": "otter"})

    assert response.status_code == 503
    assert "took too long" in response.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("show statement_timeout")
        assert cursor.fetchone() == ("0",)
