"""Requests that are hardly HTTP: answered where they can be, and harmless where they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.http.answers import problem
from tests.http.processes import jobs
from tests.http.wire import JSON_POST, Connection, exchange
from tests.support.service import Service

LIVE = b"GET /health/live HTTP/1.1\r\nHost: wallet\r\n\r\n"
ACCOUNT = b'{"email":"a@b"}'
MEGABYTE = 1_000_000
HUNDRED_MEGABYTES = 100 * MEGABYTE


def peak_memory(service: Service) -> int:
    """The most memory in bytes that the service's one worker ever had."""
    (worker,) = jobs(service.process.pid, "worker")
    status = Path(f"/proc/{worker}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.fixture(autouse=True)
def _serves_on(service: Service, client: httpx.Client) -> Iterator[None]:
    """Whatever was sent, nobody else notices, and the log has no stack trace of it."""
    before = len(service.log.read_bytes())
    yield
    assert client.get("/health/ready").status_code == 200
    assert b"Traceback" not in service.log.read_bytes()[before:]


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health/live\r\n\r\n",
        b"GET  /health/live HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.2\r\n\r\n",
        b"GET /health/live HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /health/live http/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1 x\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /account/\xd9\xa1 HTTP/1.1\r\n\r\n",
        b"GET /account/\xff HTTP/1.1\r\n\r\n",
        b"GET /account/1\x00 HTTP/1.1\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\n\r\n",
        b"CONNECT wallet:80 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        JSON_POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        JSON_POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        JSON_POST + b"Content-Length: x\r\n\r\n{}",
        JSON_POST + b"Content-Length: -1\r\n\r\n{}",
        JSON_POST + b"Content-Length: +2\r\n\r\n{}",
        JSON_POST + b"Content-Length: \r\n\r\n{}",
        JSON_POST + b"Content-Length: 1_0\r\n\r\n{}",
        JSON_POST + b"Content-Length: 0x2\r\n\r\n{}",
        JSON_POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        JSON_POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
        JSON_POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
        JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 100,
        JSON_POST + b"Content-Length: 2\r\nExpect: the-unexpected\r\n\r\n{}",
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(
    service: Service, request_: bytes
) -> None:
    with Connection(service.port) as connection:
        connection.send(request_)
        problem(connection.answer(), "invalid_request")
        assert connection.is_closed()


@pytest.mark.parametrize("request_", [b"", b"G", b"GET /health/live HTTP/1.1\r\nHost: wallet\r\n"])
def test_a_request_that_ends_too_early_is_dropped(service: Service, request_: bytes) -> None:
    with Connection(service.port) as connection:
        connection.send(request_)
        connection.end()
        assert connection.is_closed()


def test_a_body_that_ends_too_early_opens_no_account(
    service: Service, client: httpx.Client
) -> None:
    before = service.database.execute("SELECT count(*) FROM wallet.account")
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Content-Length: 100\r\n\r\n" + ACCOUNT)
        connection.end()
        assert connection.is_closed()
    assert client.get("/health/ready").status_code == 200
    assert service.database.execute("SELECT count(*) FROM wallet.account") == before


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nX: " + b"a" * MEGABYTE + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"a" * MEGABYTE,
    ],
    ids=["a header", "a huge header", "many headers", "a path", "no end"],
)
def test_headers_that_are_too_large_are_refused(service: Service, request_: bytes) -> None:
    with Connection(service.port) as connection:
        connection.send(request_)
        problem(connection.answer(), "headers_too_large")
        assert connection.is_closed()


def test_a_hundred_megabytes_are_refused_before_they_are_read(service: Service) -> None:
    before = peak_memory(service)
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Content-Length: %d\r\n\r\n" % HUNDRED_MEGABYTES)
        # Not one byte of the body was sent.
        problem(connection.answer("POST", "/account"), "body_too_large")
        assert connection.is_closed()
    assert peak_memory(service) < before + 20 * MEGABYTE


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("target", [b"POST /account", b"POST /nowhere", b"GET /health/live"])
def test_a_hundred_megabytes_are_not_taken_in(
    service: Service, target: bytes, chunked: bool
) -> None:
    before = peak_memory(service)
    data = b"a" * MEGABYTE
    with Connection(service.port) as connection:
        connection.send(target + b" HTTP/1.1\r\nContent-Type: application/json\r\n")
        if chunked:
            connection.send(b"Transfer-Encoding: chunked\r\n\r\n")
        else:
            connection.send(b"Content-Length: %d\r\n\r\n" % HUNDRED_MEGABYTES)
        sent = 0
        while sent < HUNDRED_MEGABYTES and connection.send(
            b"%x\r\n%b\r\n" % (MEGABYTE, data) if chunked else data
        ):
            sent += MEGABYTE
        assert sent < HUNDRED_MEGABYTES, "all of it was taken in"
    assert peak_memory(service) < before + 20 * MEGABYTE


def test_a_chunked_body_is_read(service: Service) -> None:
    chunks = b'8\r\n{"email"\r\n7;x=y\r\n:"a@b"}\r\n0\r\n\r\n'
    request = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    with Connection(service.port) as connection:
        connection.send(request + LIVE)
        assert connection.answer("POST", "/account").status_code == 201
        assert connection.answer("GET", "/health/live").status_code == 200


def test_a_chunked_body_over_the_limit_is_too_large(service: Service) -> None:
    request = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n"
    request += b"1000\r\n" + b" " * 4096 + b"\r\n"
    with Connection(service.port) as connection:
        connection.send(request + b"1001\r\n" + b" " * 4097 + b"\r\n")
        problem(connection.answer("POST", "/account"), "body_too_large")
        assert connection.is_closed()


def test_a_client_that_asks_first_is_told_to_go_on(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Expect: 100-continue\r\nContent-Length: 15\r\n\r\n")
        assert connection.answer().status_code == 100
        connection.send(ACCOUNT)
        assert connection.answer("POST", "/account").status_code == 201


def test_a_client_that_asks_first_is_told_that_the_body_is_too_large(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Expect: 100-continue\r\nContent-Length: 9999\r\n\r\n")
        response = connection.answer("POST", "/account")
        if response.status_code == 100:
            response = connection.answer("POST", "/account")
        problem(response, "body_too_large")


def test_head_has_no_body_and_leaves_the_connection_usable(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(b"HEAD /account/1 HTTP/1.1\r\nHost: wallet\r\n\r\n" + LIVE)
        response = connection.answer("HEAD", "/account/1")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
        assert connection.answer("GET", "/health/live").json() == {"status": "live"}


def test_a_method_in_lower_case_is_another_method(service: Service) -> None:
    response = exchange(service.port, LIVE.replace(b"GET", b"get"))
    problem(response, "method_not_allowed")
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize("target", [b"OPTIONS *", b"TRACE /nowhere", b"MOVE /nowhere"])
def test_any_method_on_an_unknown_route_is_404(service: Service, target: bytes) -> None:
    request = target + b" HTTP/1.1\r\nHost: wallet\r\nMax-Forwards: 0\r\n\r\n"
    problem(exchange(service.port, request), "not_found")


def test_pipelined_requests_are_answered_in_their_order(service: Service) -> None:
    emails = [f"{number}@pipeline" for number in range(20)]
    with Connection(service.port) as connection:
        bodies = [f'{{"email":"{email}"}}'.encode() for email in emails]
        connection.send(
            b"".join(JSON_POST + b"Content-Length: %d\r\n\r\n" % len(b) + b for b in bodies)
        )
        answers = [connection.answer("POST", "/account").json() for _ in emails]
    assert [answer["email"] for answer in answers] == emails
    assert [answer["id"] for answer in answers] == sorted(answer["id"] for answer in answers)


def test_a_refusal_leaves_the_connection_usable(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Content-Length: 2\r\n\r\n{}" + LIVE)
        problem(connection.answer("POST", "/account"), "invalid_request")
        assert connection.answer("GET", "/health/live").status_code == 200


def test_a_request_in_single_bytes_is_answered(service: Service) -> None:
    with Connection(service.port) as connection:
        for byte in JSON_POST + b"Content-Length: 15\r\n\r\n" + ACCOUNT:
            connection.send(bytes([byte]))
        assert connection.answer("POST", "/account").status_code == 201


def test_http_1_0_is_answered_and_the_connection_closed(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(b"GET /health/live HTTP/1.0\r\n\r\n")
        assert connection.answer("GET", "/health/live").status_code == 200
        assert connection.is_closed()


def test_a_websocket_is_not_to_be_had(service: Service) -> None:
    request = (
        b"GET /health/live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    response = exchange(service.port, request, "/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})
