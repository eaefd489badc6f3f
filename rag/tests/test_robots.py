"""What sites ask programs not to fetch is read as RFC 9309 says, asked once, and heeded on every redirect."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from rag.crawling import FetchError, FetchPolicy, SiteRules, fetch
from rag.crawling.robots import MAX_BYTES, read_rules
from rag.crawling.site_rules import KEPT_S, MOST_SITES
from rag.tests.web_server import page, redirect, serving

ROBOTS = "text/plain"


def allowed(text, target, product="Parley"):
    return read_rules(text.encode(), product).allow(target)


@pytest.mark.parametrize(
    ("rules", "target", "is_allowed"),
    [
        ("", "/a", True),
        ("Disallow:", "/a", True),
        ("Disallow: /", "/a?b", False),
        ("Disallow: /a", "/a/b", False),
        ("Disallow: /a", "/b/a", True),
        ("Disallow: /\nAllow: /public/", "/public/x", True),  # the longest, wherever it stands
        ("Allow: /\nDisallow: /private", "/private/x", False),
        ("Allow: /page\nDisallow: /page", "/page", True),
        ("Disallow: /*.gif$", "/a/b.gif", False),
        ("Disallow: /*.gif$", "/a/b.gif?x", True),
        ("Disallow: /a$", "/a", False),
        ("Disallow: /a$", "/ab", True),
        ("Disallow: /a*a$", "/a", True),
        ("Disallow: *?session=", "/x?session=1", False),
        ("Disallow: /%7eada/%c3%a4", "/~ada/%C3%A4", False),
        ("Disallow: /ä", "/%C3%A4", False),
        ("disallow : /a # why", "/a", False),
        ("Disallow: nonsense", "/nonsense", True),
        ("Disallow: /a\r\nDisallow: /b", "/b", False),
    ],
)
def test_the_longest_rule_that_fits_decides(rules, target, is_allowed):
    assert allowed(f"User-agent: *\n{rules}", target) is is_allowed


def test_the_groups_that_name_the_program_count_instead_of_those_for_all():
    text = """\ufeffSitemap: https://example.org/map.xml
User-agent: *
Disallow: /

User-agent: Other
User-agent: parley
Crawl-delay: 9
Disallow: /a

User-agent: PARLEY
Disallow: /b
"""
    assert [allowed(text, target) for target in ("/a", "/b", "/c")] == [False, False, True]
    assert allowed("User-agent: Parley\n", "/c") and allowed("Disallow: /", "/c")


def test_a_hostile_file_is_read_in_bounded_time():
    stars = "Disallow: /" + "*a" * 5000 + "*b$\n"
    text = "User-agent: *\n" + stars * 60 + "Disallow: /x"

    assert len(text) > MAX_BYTES  # what lies behind is not read
    assert allowed(text, "/" + "a" * 1400) and allowed(text, "/x")
    assert allowed("\x00\xff:" * 1000, "/")


# ------------------------------------------------------------------------------------------------- while fetching


@pytest.fixture
def server():
    with serving() as running:
        running.answers["/page"] = page("<p>six bar</p>")
        yield running


@pytest.fixture
def policy(server):
    return FetchPolicy(
        max_bytes=1000, timeout_s=20, ports=frozenset({server.port}), networks=(ip_network("127.0.0.1"),)
    )


def got(server, policy, path="/page", **options):
    with fetch(server.url(path), policy, **options) as fetched:
        return fetched.file.read()


def refusal(server, policy, path="/page", **options):
    with pytest.raises(FetchError) as caught:
        got(server, policy, path, **options)
    return caught.value.code, caught.value.message


def paths(server):
    return [request.split()[1] for request in server.requests]


def test_a_page_that_the_site_keeps_from_programs_is_not_asked_for(server, policy):
    server.answers["/robots.txt"] = page("User-agent: *\nDisallow: /page", content_type=ROBOTS)

    code, message = refusal(server, policy)

    assert code == "URL_REFUSED" and "asks programs not to fetch this page (robots.txt)" in message
    assert paths(server) == ["/robots.txt"]
    own = replace(policy, without_robots=frozenset({"127.0.0.1"}))
    assert got(server, own) == b"<p>six bar</p>"


def test_a_redirect_leads_to_no_page_that_is_kept_from_programs(server, policy):
    server.answers["/robots.txt"] = page("User-agent: Parley\nDisallow: /page", content_type=ROBOTS)
    server.answers["/old"] = redirect("/page")

    assert refusal(server, policy, "/old", site_rules=SiteRules())[0] == "URL_REFUSED"
    assert paths(server) == ["/robots.txt", "/old"]


@pytest.mark.parametrize(
    ("answer", "is_allowed"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", True),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", True),
        (b"HTTP/1.1 503 Busy\r\n\r\n", False),
        (b"", False),
        (redirect("http://10.0.0.5/"), False),
        (page("<html>No such page</html>"), True),
    ],
)
def test_a_site_without_rules_allows_and_one_that_cannot_say_does_not(server, policy, answer, is_allowed):
    server.answers["/robots.txt"] = answer

    if is_allowed:
        assert got(server, policy) == b"<p>six bar</p>"
    else:
        assert refusal(server, policy)[0] in ("URL_UNREACHABLE", "URL_REFUSED")
        assert "/page" not in paths(server)


def test_what_a_site_asks_is_asked_once_in_an_hour(server, policy):
    now = [0.0]
    known = SiteRules(clock=lambda: now[0])

    got(server, policy, site_rules=known)
    got(server, policy, site_rules=known)
    assert paths(server) == ["/robots.txt", "/page", "/page"]

    now[0] = KEPT_S
    got(server, policy, site_rules=known)
    assert paths(server)[3:] == ["/robots.txt", "/page"]


def test_only_so_many_sites_are_remembered():
    known = SiteRules(clock=lambda: 0.0)
    for number in range(MOST_SITES + 1):
        known.keep(f"https://{number}.example/", read_rules(b"", "Parley"))

    assert known.get("https://0.example/") is None
    assert known.get("https://1.example/") is not None
