"""X-Request-ID: taken over when sane, made otherwise, always sent back."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.http.wire import Connection, exchange
from tests.support.service import Service

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize("given", ["a", "A-Z.a_z-0.9", "0" * 128, "..", "---"])
@pytest.mark.parametrize("path", ["/health/live", "/account/0", "/nowhere", "/docs", "/account"])
def test_a_sane_id_is_taken_over(client: httpx.Client, given: str, path: str) -> None:
    response = client.get(path, headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == given
    if response.status_code >= 400:
        assert response.json()["instance"] == given


@pytest.mark.parametrize(
    "given",
    ["", "a b", "0" * 129, "a/b", "<script>", "a,b", "ä", "a\tb", '"a"', "a;b", "%0d%0a", "a:b"],
)
def test_an_id_that_is_not_sane_is_replaced(client: httpx.Client, given: str) -> None:
    for path in ("/health/live", "/nowhere"):
        response = client.get(path, headers={b"X-Request-ID": given.encode()})
        assert MADE.fullmatch(response.headers["X-Request-ID"])


def test_each_request_is_given_an_id_of_its_own(client: httpx.Client) -> None:
    ids = {client.get("/health/live").headers["X-Request-ID"] for _ in range(20)}
    assert len(ids) == 20


def test_spaces_around_an_id_are_no_part_of_it(service: Service) -> None:
    request = b"GET /nowhere HTTP/1.1\r\nHost: wallet\r\nX-Request-ID: \t abc \t \r\n\r\n"
    assert exchange(service.port, request).headers["X-Request-ID"] == "abc"


@pytest.mark.parametrize(
    "given",
    [b"a\rSet-Cookie: x", b"a\nSet-Cookie: x", b"a\x00b", b"\xff\xfe", b"a\x0bb", b"\xc2\xa0"],
)
def test_an_id_cannot_carry_a_header_into_the_answer(service: Service, given: bytes) -> None:
    request = b"GET /nowhere HTTP/1.1\r\nHost: wallet\r\nX-Request-ID: " + given + b"\r\n\r\n"
    response = exchange(service.port, request)
    assert response.status_code == 404
    assert "Set-Cookie" not in response.headers
    assert MADE.fullmatch(response.headers["X-Request-ID"])


def test_an_id_is_sent_back_with_405_413_and_415(service: Service) -> None:
    head = b"Host: wallet\r\nX-Request-ID: abc\r\n"
    requests = {
        405: b"PUT /account HTTP/1.1\r\n" + head + b"\r\n",
        413: b"POST /account HTTP/1.1\r\n" + head + b"Content-Length: 999999\r\n\r\n",
        415: b"POST /account HTTP/1.1\r\n" + head + b"Content-Length: 2\r\n\r\n{}",
    }
    for status, request in requests.items():
        method = request.split(b" ")[0].decode()
        response = exchange(service.port, request, "/account", method)
        assert (response.status_code, response.headers["X-Request-ID"]) == (status, "abc")


def test_an_id_is_made_for_what_cannot_be_read(service: Service) -> None:
    with Connection(service.port) as connection:
        connection.send(b"nonsense\r\nX-Request-ID: abc\r\n\r\n")
        response = connection.answer()
        assert response.status_code == 400
        assert MADE.fullmatch(response.headers["X-Request-ID"])
        assert connection.is_closed()
