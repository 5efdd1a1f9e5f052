"""Requests that are hardly HTTP: answered where they can be, and harmless where they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import Client

from tests.http.answers import problem
from tests.http.processes import jobs
from tests.http.wire import JSON_POST, Connection
from tests.support.service import Service

LIVE = b"GET /health/live HTTP/1.1\r\nHost: wallet\r\n\r\n"
CHUNKED = JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n"
ACCOUNT = b'{"email":"a@b"}'
MEGABYTE = 1_000_000
HUNDRED_MEGABYTES = 100 * MEGABYTE


def peak_memory(service: Service) -> int:
    """The most memory in bytes that the service's one worker ever had."""
    (worker,) = jobs(service.process.pid, "worker")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.fixture(autouse=True)
def _serves_on(service: Service, client: Client) -> Iterator[None]:
    """Whatever was sent, nobody else notices, and the log has no stack trace of it."""
    before = len(service.log.read_bytes())
    yield
    assert client.get("/health/ready").status_code == 200
    assert b"Traceback" not in service.log.read_bytes()[before:]


def test_what_is_no_http_is_refused_and_the_connection_closed(service: Service) -> None:
    lengths = [b"x", b"-1", b"+2", b"", b"1_0", b"0x2", b"9" * 5000]
    for request in (
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /health/live\r\n\r\n",
        b"GET  /health/live HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.2\r\n\r\n",
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
        *(JSON_POST + b"Content-Length: " + length + b"\r\n\r\n{}" for length in lengths),
        JSON_POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
        JSON_POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"x\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"1" * 100,
        JSON_POST + b"Content-Length: 2\r\nExpect: the-unexpected\r\n\r\n{}",
    ):
        with Connection(service.port) as connection:
            connection.send(request)
            assert connection.answer().json()["code"] == "invalid_request", request
            assert connection.is_closed(), request


def test_a_request_that_ends_too_early_is_dropped(service: Service) -> None:
    count = "SELECT count(*) FROM wallet.account"
    before = service.database.execute(count)
    body = JSON_POST + b"Content-Length: 100\r\n\r\n" + ACCOUNT
    for request in (b"", b"G", b"GET /health/live HTTP/1.1\r\nHost: wallet\r\n", body):
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
        head = target + b" HTTP/1.1\r\nContent-Type: application/json\r\n"
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
        head = f"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n".encode()
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
        connection.send(CHUNKED + b'8\r\n{"email"\r\n7;x=y\r\n:"a@b"}\r\n0\r\n\r\n' + LIVE)
        assert connection.answer("POST", "/account").status_code == 201
        assert connection.answer("GET", "/health/live").status_code == 200


def test_a_refusal_and_a_head_leave_the_connection_usable(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(JSON_POST + b"Content-Length: 2\r\n\r\n{}" + LIVE)
        problem(connection.answer("POST", "/account"), "invalid_request")
        assert connection.answer("GET", "/health/live").status_code == 200
        connection.send(b"HEAD /account/1 HTTP/1.1\r\nHost: wallet\r\n\r\n" + LIVE)
        response = connection.answer("HEAD", "/account/1")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
        assert connection.answer("GET", "/health/live").json() == {"status": "live"}
