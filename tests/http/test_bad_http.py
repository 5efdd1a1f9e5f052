"""Requests that are hardly HTTP: answered where they can be, and harmless where they cannot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx import Client

from tests.http.answers import problem
from tests.http.processes import peak_memory
from tests.http.wire import JSON_POST, LIVE, Connection, json_post
from tests.support.service import Service

CHUNKED = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n"
ACCOUNT = b'{"email":"a@b"}'
MEGABYTE = 1_000_000
HUNDRED_MEGABYTES = 100 * MEGABYTE


@pytest.fixture(autouse=True)
def _serves_on(service: Service, client: Client) -> Iterator[None]:
    """Whatever was sent, nobody else notices, and nothing is logged."""
    before = len(service.log.read_bytes())
    yield
    assert client.get("/health/ready").status_code == 200
    assert service.log.read_bytes()[before:] == b""


HOST = b"\r\nHost: localhost\r\n\r\n"
HEADERS = (
    *(b"no colon", b": x", b" X: x", b"X : x", b"X\x00: x", b"X(: x", b"\xff: x", b"X-\xc3\xa4: x"),
    *(b"X: a\x00b", b"X: a\rb", b"X: a\nY: b", b"X: a\x7fb", b"X: \x0b", b"X: a\r\n folded: b"),
    *(b"X: a\r\n\tb", b"Host: localhost", b"Host: elsewhere", b"Content-Length:2\xc2\xa0"),
)
LENGTHS = (
    *(b"x", b"-1", b"+2", b"", b"1_0", b"0x2", b"9" * 5000, b"2,2", b"2, 3", b"2 ", b"2\t", b"2;"),
    *(b"\xd9\xa2", b"\xc2\xa02", b"2\r\nContent-Length: 2", b"2\r\ncontent-length: 3", b"2.0"),
    *(b"2\r\nTransfer-Encoding: chunked", b"2\r\nTransfer-Encoding: identity"),
)
ENCODINGS = (
    *(b"gzip", b"gzip, chunked", b"Chunked", b"chunked ", b"\x0bchunked", b'"chunked"', b""),
    *(b"chunked\r\nTransfer-Encoding: chunked", b"chunked\r\nContent-Length: 2"),
    b"chunked, chunked",
    *(b"\xc2\xa0chunked", b"chunked;q=1", b"chunked\r\nTransfer-Encoding : gzip"),
)
CHUNKS = (
    *(b"x\r\n{}", b"-1\r\n{}", b"+2\r\n{}", b"0x2\r\n{}", b"2_\r\n{}", b" 2\r\n{}", b"2 \r\n{}"),
    *(b"\r\n{}", b"\xd9\xa2\r\n{}", b"2\n{}", b"2;\n\r\n{}", b"2;\x00\r\n{}", b"2\r\n{}xx0\r\n"),
    *(b"2\r\n{}\n0\r\n\r\n", b"2\r\n{}\r\n0\r\nX: trailer", b"1" * 100, b"2;" + b"x" * 100),
)
UNREADABLE = (
    *(b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"GET /health/live" + HOST),
    *(b"GET  /health/live HTTP/1.1" + HOST, b"GET /health/live  HTTP/1.1" + HOST),
    *(b"GET\t/health/live\tHTTP/1.1" + HOST, b"GET /health/live HTTP/1.1 " + HOST),
    *(b"GET /health/live HTTP/%b" % version + HOST for version in (b"1.2", b"2.0", b"1.10", b"")),
    *(b"GET /health/live http/1.1" + HOST, b"GET /health/live HTTP/1.1 x" + HOST),
    *(b"%b /health/live HTTP/1.1" % method + HOST for method in (b"get", b"G\xc9T", b"G\nT", b"(")),
    *(
        b"GET %b HTTP/1.1" % target + HOST
        for target in (
            *(b"nowhere", b"*", b"http://[/", b"http://localhost/health/live", b"/a#b"),
            *(b"/account/\xd9\xa1", b"/account/\xff", b"/account/1\x00", b"/a\nb", b"/a\tb", b""),
            *(b"localhost:80", b"?a", b"/a\rb", b"\\health"),
        )
    ),
    *(b"CONNECT localhost:80 HTTP/1.1" + HOST, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    *(b"GET /health/live HTTP/1.%b\r\n\r\n" % version for version in (b"0", b"1")),
    *(b"GET /health/live HTTP/1.1\r\nHost: %b\r\n\r\n" % h for h in (b"", b"a b", b"a/b", b"a:b")),
    *(b"GET /health/live HTTP/1.1\r\n%b" % header + HOST for header in HEADERS),
    *(JSON_POST + b"Content-Length: " + length + b"\r\n\r\n{}" for length in LENGTHS),
    *(JSON_POST + b"Transfer-Encoding: %b\r\n\r\n0\r\n\r\n" % given for given in ENCODINGS),
    JSON_POST + b"Content-Length : 2\r\n\r\n{}",
    JSON_POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    CHUNKED.replace(b"1.1", b"1.0") + b"f\r\n%b\r\n0\r\n\r\n" % ACCOUNT,
    *(CHUNKED + chunk + b"\r\n0\r\n\r\n" for chunk in CHUNKS),
    CHUNKED.replace(b"POST", b"OPTIONS") + CHUNKS[0] + b"\r\n0\r\n\r\n",
    JSON_POST + b"Content-Length: 2\r\nExpect: the-unexpected\r\n\r\n{}",
)


def test_what_is_no_http_is_refused_and_the_connection_closed(service: Service) -> None:
    for request in UNREADABLE:
        with Connection(service.port) as connection:
            connection.send(request + LIVE)
            assert connection.answer().json()["code"] == "invalid_request", request
            assert connection.is_closed(), request


def test_a_request_that_ends_too_early_is_dropped(service: Service) -> None:
    count = "SELECT count(*) FROM wallet.account"
    before = service.database.execute(count)
    body = JSON_POST + b"Content-Length: 100\r\n\r\n" + ACCOUNT
    for request in (b"", b"G", b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n", body):
        with Connection(service.port) as connection:
            connection.send(request)
            connection.end()
            assert connection.is_closed()
    assert service.database.execute(count) == before


def test_headers_that_are_too_large_are_refused(service: Service) -> None:
    for request in (
        b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"a" * MEGABYTE,
    ):
        with Connection(service.port) as connection:
            connection.send(request)
            problem(connection.answer(), "headers_too_large")
            assert connection.is_closed()


def test_a_hundred_megabytes_are_not_taken_in(service: Service) -> None:
    before = peak_memory(service)
    for target in (b"POST /account", b"POST /nowhere", b"POST /transaction/batch", b"GET /docs"):
        head = target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for chunked in (False, True):
            data = b" " * MEGABYTE
            with Connection(service.port) as connection:
                if chunked:
                    connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
                    data = b"%x\r\n%b\r\n" % (MEGABYTE, data)
                else:
                    connection.send(head + b"Content-Length: %d\r\n\r\n" % HUNDRED_MEGABYTES)
                sent = 0
                while sent < HUNDRED_MEGABYTES and connection.send(data):
                    sent += MEGABYTE
                assert sent < HUNDRED_MEGABYTES, (target, chunked)
    # A batch may be 4 MB.
    assert peak_memory(service) < before + 30 * MEGABYTE


def test_a_body_that_is_too_large_is_refused_before_it_is_read(service: Service) -> None:
    for path in ("/account", "/transaction", "/account/1/payment", "/transaction/1/reversal"):
        head = json_post(path)
        for rest in (
            b"Content-Length: 8193\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n1000\r\n%b\r\n1001\r\n%b\r\n"
            % (b" " * 0x1000, b" " * 0x1001),
        ):
            with Connection(service.port) as connection:
                connection.send(head + rest)
                problem(connection.answer("POST", path), "body_too_large")
                assert connection.is_closed()


def test_a_chunked_body_is_read(service: Service) -> None:
    with Connection(service.port) as connection:
        for head in (CHUNKED, CHUNKED.replace(b"Host", b"Expect: 100-continue\r\nHost")):
            connection.send(head)
            if head != CHUNKED:
                assert connection.answer().status_code == 100
            connection.send(b'8\r\n{"email"\r\n7;x=y\r\n:"a@b"}\r\n0\r\n\r\n')
            assert connection.answer("POST", "/account").status_code == 201
        connection.send(LIVE)
        assert connection.answer("GET", "/health/live").status_code == 200


def test_a_refusal_and_a_head_leave_the_connection_usable(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Content-Length: 2\r\n\r\n{}" + LIVE)
        problem(connection.answer("POST", "/account"), "invalid_request")
        assert connection.answer("GET", "/health/live").status_code == 200
        connection.send(b"HEAD /docs HTTP/1.1\r\nHost: localhost\r\n\r\n" + LIVE)
        response = connection.answer("HEAD", "/docs")
        assert int(response.headers["Content-Length"]) > 100
        assert connection.answer("GET", "/health/live").json() == {"status": "live"}
