"""Prefer headers: read as RFC 7240 has them, and never the cause of an error."""

from __future__ import annotations

import json

from httpx import Client

from tests.http.conftest import Wallet
from tests.http.wire import exchange, json_post
from tests.support.service import Service

# What a header, or several, says: nothing, respond-async, or how long to wait.
NOTHING: list[tuple[str, ...]] = [
    *[(v,) for v in ("", 'foo="x, respond-async, y"', 'foo="\\", respond-async"', "\xff", '"')],
    *[(v,) for v in ("foo; respond-async", "respond-async=true", "respond-async foo", "wait")],
    *[(v,) for v in ("respond-asynchronously, x-respond-async", "respond\u00ad-async", "=" * 5000)],
    # A string without an end takes along what follows in its header, and in no other.
    *[('foo="x, respond-async',), ('foo="x, respond-async\\',)],
    # The first one counts, whatever it is.
    *[("respond-async=no, respond-async",), ("wait=soon, wait=2",), ("wait, wait=2",)],
    *[
        (f"wait={v}",)
        for v in ("", '""', "-1", "+1", "1e1", ".5", "5.", "5s", "NaN", "1_0", '"1 "')
    ],
    ("wait=\u00b2",),
    # If such a header were read in more than one pass, this would not end.
    *[(v,) for v in (" ;" * 3500, "; " * 3500 + "@", '"' * 7000, '\\"' * 3500, '="' * 3500)],
    *[("a=" + " " * 7000 + "@",), (",;" * 3500,)],
]
ASYNC: list[tuple[str, ...]] = [
    *[(v,) for v in ("respond-async", " \tRespond-ASYNC\t ", "respond-async=", "respond-async;")],
    *[('respond-async = ""',), ('respond-async; foo="a, b; c" ;bar',), (", ,respond-async,,",)],
    *[('foo="\\\\", respond-async',), ("@, respond-async",), ("=, respond-async",)],
    *[("a=b=c, respond-async",), ("return=minimal", "respond-async")],
    *[('foo="x', "respond-async"), ("respond-async, wait=soon",)],
]
WAIT: list[tuple[tuple[str, ...], str]] = [
    *[(("wait=1", "WAIT=2"), "1"), (("wait=0",), "0"), (("wait=0.0",), "0"), (("wait=1,5",), "1")],
    *[(("wait = 007.250",), "7.25"), (('wait="\\5"; foo=bar',), "5")],
    # A wait is applied in milliseconds, up to a limit.
    *[(("wait=29.9996",), "30"), (("wait=31",), "30"), (("wait=" + "9" * 5000,), "30")],
    *[(("wait=0." + "1" * 5000,), "0.111"), (("wait=0.0001",), "0")],
]
READ: list[tuple[tuple[str, ...], bool, str | None]] = [
    *[(headers, False, None) for headers in NOTHING],
    *[(headers, True, None) for headers in ASYNC],
    *[(headers, False, wait) for headers, wait in WAIT],
    *[(("respond-async, wait=0",), True, "0"), (("wait=10", "respond-async; x"), True, "10")],
]


def test_preferences_are_read_as_the_rfc_has_them(
    service: Service, client: Client, wallet: Wallet
) -> None:
    source, target = wallet("100.00"), wallet()
    paid = client.post(f"/account/{target}/payment", json={"amount": "1"}).json()["id"]
    body = json.dumps({"source_account_id": source, "target_account_id": target, "amount": 1})
    for headers, respond_async, wait in READ:
        lines = "".join(f"Prefer: {value}\r\n" for value in headers)
        got = exchange(
            service.port,
            f"GET /transaction/{paid} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode("latin-1"),
            f"/transaction/{paid}",
        )
        assert got.status_code == 200
        applied = got.headers.get("Preference-Applied")
        assert applied == (wait and f"wait={wait}"), headers
        posted = exchange(
            service.port,
            json_post("/transaction")
            + f"{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1"),
            *("/transaction", "POST"),
        )
        applied = posted.headers.get("Preference-Applied")
        if respond_async and wait is None:
            assert (posted.status_code, applied) == (202, "respond-async"), headers
        elif respond_async:
            assert applied is not None, headers
        else:
            # The queue worker may hold the account, which a plain transfer waits for.
            assert (posted.status_code, applied) == (201, None), headers
