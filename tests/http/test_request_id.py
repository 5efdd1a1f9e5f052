"""X-Request-ID: taken over if it is sane, made otherwise, always sent back."""

from __future__ import annotations

import re

from httpx import Client

from tests.http.wire import exchange
from tests.support.service import Service

MADE = re.compile(r"[0-9a-f]{32}")


def test_a_sane_id_is_taken_over(client: Client, service: Service) -> None:
    for given in ("a", "A-Z.a_z-0.9", "0" * 128, ".."):
        for path in ("/health/live", "/account/0", "/nowhere", "/docs", "/account"):
            response = client.get(path, headers={"X-Request-ID": given})
            assert response.headers["X-Request-ID"] == given
            if response.status_code >= 400:
                assert response.json()["instance"] == given
    head = b"Host: localhost\r\nX-Request-ID: \t abc \t \r\n"
    for status, request in {
        404: b"GET /nowhere HTTP/1.1\r\n" + head + b"\r\n",
        405: b"PUT /account HTTP/1.1\r\n" + head + b"\r\n",
        413: b"POST /account HTTP/1.1\r\n" + head + b"Content-Length: 999999\r\n\r\n",
        415: b"POST /account HTTP/1.1\r\n" + head + b"Content-Length: 2\r\n\r\n{}",
    }.items():
        method, path = request.decode().split()[:2]
        response = exchange(service.port, request, path, method)
        assert (response.status_code, response.headers["X-Request-ID"]) == (status, "abc")


def test_an_id_that_is_not_sane_is_replaced_and_each_that_is_made_is_new(service: Service) -> None:
    made = set()
    given = (
        *(b"", b"a b", b"0" * 129, b"a/b", b"<script>", b"a,b", b"\xc3\xa4", b"a\tb", b'"a"'),
        *(b"a:b", b"a;b", b"\xff"),
    )
    for value in given:
        lines = b"Host: localhost\r\nX-Request-ID: " + value + b"\r\n\r\n"
        request = b"GET /nowhere HTTP/1.1\r\n" + lines
        response = exchange(service.port, request)
        assert response.status_code == 404
        made.add(response.headers["X-Request-ID"])
    unreadable = exchange(service.port, b"nonsense\r\nX-Request-ID: abc\r\n\r\n")
    made.add(unreadable.headers["X-Request-ID"])
    assert len(made) == len(given) + 1
    assert all(MADE.fullmatch(id) for id in made)
