"""Fetching a page: where it may lead, and that it ends. Pure but for a server on this machine."""

import socket
import threading
from dataclasses import replace
from ipaddress import ip_network

import pytest

from rag.crawling import FetchError, FetchPolicy, NotModified, check_url, fetch, may_connect
from rag.crawling.names import filename_of
from rag.crawling.urls import BadUrl
from rag.tests.web_server import page, redirect, serving

LOOPBACK = (ip_network("127.0.0.1"),)
WITHOUT_ROBOTS = frozenset({"127.0.0.1", "wiki.example", "rebinding.example"})  # see test_robots.py


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


@pytest.fixture
def policy(server):
    return FetchPolicy(
        max_bytes=100_000,
        timeout_s=20,
        ports=frozenset({80, 443, server.port}),
        networks=LOOPBACK,
        without_robots=WITHOUT_ROBOTS,
    )


def got(url, policy, **options):
    with fetch(url, policy, **options) as fetched:
        return fetched.filename, fetched.file.read(), fetched.etag


def code_of(url, policy, **options):
    with pytest.raises(FetchError) as caught:
        got(url, policy, **options)
    return caught.value.code


# ------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_public_addresses_may_be_connected_to(address):
    assert may_connect(address)


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.8.9.1 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
    192.0.0.8 192.0.2.1 198.18.0.1 192.88.99.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 fe80::1 fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::a00:1 64:ff9b::7f00:1 64:ff9b:1::808:808
    2002:7f00:1:: 2002:a00:1:: 2002:c0a8:101:: 2001:0:7f00:1:: 2001:0:808:808:0:0:80ff:fffe
    2606:4700::5efe:a00:1 2606:4700::200:5efe:a00:1 3fff::1 localhost 127.1""".split(),
)
def test_addresses_of_this_machine_and_of_private_networks_may_not(address):
    assert not may_connect(address)


def test_an_allowed_network_allows_its_own_addresses_alone():
    intranet = (ip_network("10.1.0.0/16"), ip_network("fd12::/16"))

    assert may_connect("10.1.2.3", intranet) and may_connect("::ffff:10.1.2.3", intranet)
    assert may_connect("fd12::7", intranet)
    assert not may_connect("10.2.0.1", intranet) and not may_connect("fd13::1", intranet)
    assert not may_connect("127.0.0.1", intranet)


# ------------------------------------------------------------------------------------------------------ URLs


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("HTTPS://Example.org", "https://example.org/"),
        ("http://example.org:80/a b"[:-2], "http://example.org/a"),
        ("https://example.org./ä?q=ö&x=1", "https://example.org/%C3%A4?q=%C3%B6&x=1"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x"),
    ],
)
def test_urls_come_in_one_form(text, url):
    assert str(check_url(text, ports=frozenset({80, 443}))) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "example.org", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://",
        "http://example.org:22/", "http://example.org:99999/", "https://ada:secret@example.org/",
        "https://example.org\\@evil.example/", "https://exa mple.org/", "https://example.org/\r\nHost: x",
        "http://" + "a" * 600, "http://[::1", "http://ex\u2100mple.org/",
    ],
)  # fmt: skip
def test_what_is_no_page_of_the_web_is_refused(text):
    with pytest.raises(BadUrl):
        check_url(text, ports=frozenset({80, 443}))


@pytest.mark.parametrize(
    ("target", "content_type", "name"),
    [
        ("/docs/guide", "text/html", "guide.html"),
        ("/", "text/html", "example.org.html"),
        ("/a.PDF?x=1", "application/pdf", "a.PDF"),
        ("/get.php", "application/pdf", "get.php.pdf"),
        ("/notes.md", "text/plain", "notes.md"),
        ("/notes", "text/plain", "notes.txt"),
        ("/a.docx", "application/octet-stream", "a.docx"),
        ("/a.zip", "application/octet-stream", None),
        ("/a", "application/octet-stream", None),
        ("/a.html", "image/png", None),
        ("/a%2F..%2Fb.txt", "text/plain", "b.txt"),
        ("/a%00b%0d%0ac.html", "text/html", "a b c.html"),
    ],
)
def test_a_page_is_called_by_its_url_and_what_the_server_says_it_is(target, content_type, name):
    assert filename_of("example.org", target, content_type) == name


# -------------------------------------------------------------------------------------------------- fetching


def test_a_page_is_fetched_with_its_name_and_tag(server, policy):
    server.answers["/guide"] = page("<p>six bar</p>", 'ETag: "v1"')

    assert got(server.url("/guide#part"), policy) == ("guide.html", b"<p>six bar</p>", '"v1"')
    request = server.requests[-1]
    assert request.startswith(f"GET /guide HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n")
    assert "cookie" not in request.lower() and "authorization" not in request.lower()


def test_a_page_that_has_not_changed_is_not_sent_again(server, policy):
    server.answers["/same"] = b"HTTP/1.1 304 Not Modified\r\n\r\n"

    with pytest.raises(NotModified):
        got(server.url("/same"), policy, etag='"v1"', last_modified="Mon, 23 Nov 2026 00:00:00 GMT")

    assert 'If-None-Match: "v1"\r\nIf-Modified-Since: Mon, 23' in server.requests[-1]


def test_private_addresses_are_refused_before_anything_is_sent(server, policy):
    public_only = FetchPolicy(max_bytes=1000, ports=policy.ports)
    asked = len(server.requests)

    assert code_of(server.url("/guide"), public_only) == "URL_REFUSED"
    assert code_of(server.url("/guide", host="localhost"), public_only) == "URL_REFUSED"
    assert code_of(f"http://2130706433:{server.port}/guide", public_only) == "URL_REFUSED"
    assert code_of(f"http://[::ffff:127.0.0.1]:{server.port}/guide", public_only) == "URL_REFUSED"
    assert len(server.requests) == asked


def test_one_private_address_among_those_of_a_name_is_enough_to_refuse_it(server, policy):
    url = server.url("/guide", host="wiki.example")

    assert code_of(url, policy, resolver=lambda host, port: ["127.0.0.1", "10.0.0.5"]) == "URL_REFUSED"
    assert code_of(url, policy, resolver=lambda host, port: []) == "URL_REFUSED"


def test_a_name_is_resolved_once_and_that_address_connected_to(server, policy, monkeypatch):
    server.answers["/guide"] = page("<p>six bar</p>")
    answers = [["127.0.0.1"], ["10.0.0.5"]]
    monkeypatch.setattr(socket, "getaddrinfo", _only_addresses(socket.getaddrinfo))

    found = got(server.url("/guide", host="rebinding.example"), policy, resolver=lambda *_: answers.pop(0))

    assert found[0] == "guide.html" and answers == [["10.0.0.5"]]
    assert f"Host: rebinding.example:{server.port}\r\n" in server.requests[-1]


def _only_addresses(real):
    """A resolver of the system that knows no names: what is connected to must be an address already."""

    def resolve(host, *args, **options):
        assert host == "127.0.0.1"
        return real(host, *args, **options)

    return resolve


def test_redirects_are_followed_and_each_is_checked(server, policy):
    server.answers["/old"] = redirect("/new")
    server.answers["/new"] = redirect(server.url("/guide", host="wiki.example"))
    server.answers["/guide"] = page("<p>six bar</p>")
    names = {"wiki.example": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"], "inside.example": ["10.0.0.5"]}
    asked = []

    def resolver(host, port):
        asked.append(host)
        return names[host]

    assert got(server.url("/old"), policy, resolver=resolver)[1] == b"<p>six bar</p>"
    assert asked == ["127.0.0.1", "127.0.0.1", "wiki.example"]
    for location in (
        "http://inside.example/",
        "file:///etc/passwd",
        "http://ada:x@wiki.example/",
        "http://wiki.example:22/",
        "//[",
    ):
        server.answers["/new"] = redirect(location)
        assert code_of(server.url("/old"), policy, resolver=resolver) == "URL_REFUSED"


def test_redirects_end(server, policy):
    server.answers["/circle"] = redirect("/circle")
    asked = len(server.requests)

    assert code_of(server.url("/circle"), policy) == "URL_REFUSED"
    assert len(server.requests) == asked + policy.max_redirects + 1


def test_a_page_that_is_too_large_is_cut_off(server, policy):
    sent = []

    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while True:
            connection.sendall(b"x" * 10_000)
            sent.append(1)

    server.answers["/endless"] = endless

    assert code_of(server.url("/endless"), policy) == "TOO_LARGE"


@pytest.mark.parametrize("where", ["status", "header", "body"])
def test_a_server_that_drips_is_cut_off_by_one_deadline(server, policy, where):
    first = {"status": b"", "header": b"HTTP/1.1 200 OK\r\nX: ", "body": page("")[:-5] + b"9999\r\n\r\n"}[
        where
    ]

    def drip(connection):
        connection.sendall(first)
        while not server.stopped.wait(0.05):
            connection.sendall(b"H")

    server.answers["/drip"] = drip
    quick = replace(policy, timeout_s=0.4)

    assert code_of(server.url("/drip"), quick) == "TIMEOUT"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", "URL_STATUS"),
        (page("x", content_type="image/png"), "UNSUPPORTED_TYPE"),
        (page("x", "Content-Encoding: gzip"), "UNSUPPORTED_TYPE"),
        (page("whole")[:-2], "URL_UNREACHABLE"),
        (b"SSH-2.0-OpenSSH\r\n", "URL_UNREACHABLE"),
        (b"", "URL_UNREACHABLE"),
    ],
)
def test_each_way_to_fail_has_its_code(server, policy, answer, code):
    server.answers["/bad"] = answer

    assert code_of(server.url("/bad"), policy) == code


def test_servers_that_are_not_there_are_unreachable(policy):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gone = replace(policy, ports=frozenset({port}))
    assert code_of(f"http://127.0.0.1:{port}/", gone) == "URL_UNREACHABLE"
    assert code_of(f"https://127.0.0.1:{port}/", gone) == "URL_UNREACHABLE"


def test_names_of_the_network_in_here_are_not_told_from_names_that_nobody_has(policy, caplog):
    def unknown(host, port):
        raise socket.gaierror("no such name")

    answers = []
    for resolver in (unknown, lambda *_: ["10.0.0.5"], lambda *_: []):
        with pytest.raises(FetchError) as caught:
            got("https://jenkins.internal/", policy, resolver=resolver)
        answers.append((caught.value.code, caught.value.message, caught.value.__cause__))

    assert answers[0][0] == "URL_REFUSED" and len(set(answers)) == 1
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "no such name",
        "it is at 10.0.0.5",
        "it is at no address",
    ]


def test_name_servers_that_do_not_answer_are_waited_for_until_the_deadline_only(policy):
    over = threading.Event()

    def silent(host, port):
        over.wait(60)
        return ["127.0.0.1"]

    try:
        assert code_of("https://slow.example/", replace(policy, timeout_s=0.3), resolver=silent) == "TIMEOUT"
    finally:
        over.set()
