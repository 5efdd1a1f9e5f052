"""Prefer headers: read as RFC 7240 has them, and never the cause of an error."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from service.prefer import applied, at_most, read
from tests.http.conftest import Wallet
from tests.http.wire import exchange
from tests.support.service import Service

ASYNC = (True, None)
NOTHING = (False, None)


def waits(seconds: str) -> tuple[bool, Decimal]:
    return False, Decimal(seconds)


@pytest.mark.parametrize(
    ("headers", "preferences"),
    [
        ([], NOTHING),
        ([""], NOTHING),
        (["respond-async"], ASYNC),
        (["Respond-ASYNC"], ASYNC),
        ([" \trespond-async\t "], ASYNC),
        (["respond-async="], ASYNC),
        (['respond-async = ""'], ASYNC),
        (["respond-async;"], ASYNC),
        (["respond-async; foo=1 ;bar"], ASYNC),
        (['respond-async; foo="a, b; c"'], ASYNC),
        (["return=minimal, respond-async"], ASYNC),
        (["return=minimal", "respond-async"], ASYNC),
        ([", ,respond-async,,"], ASYNC),
        (['foo="respond-async"'], NOTHING),
        (['foo="x, respond-async, y"'], NOTHING),
        (['foo="\\", respond-async"'], NOTHING),
        (['foo="\\\\", respond-async'], ASYNC),
        (["foo; respond-async"], NOTHING),
        (["respond-async=true"], NOTHING),
        (["respond-async foo"], NOTHING),
        (["respond async"], NOTHING),
        (["respond-asynchronously"], NOTHING),
        (["x-respond-async"], NOTHING),
        (["respond\u00ad-async"], NOTHING),
        (["@, respond-async"], ASYNC),
        (["=, respond-async"], ASYNC),
        (["a=b=c, respond-async"], ASYNC),
        (["(comment), respond-async"], ASYNC),
        # A string without an end takes along what follows in its header, and in no other.
        (['foo="x, respond-async'], NOTHING),
        (['foo="x, respond-async\\'], NOTHING),
        (['foo="x', "respond-async"], ASYNC),
        # The first one counts, whatever it is.
        (["respond-async=no, respond-async"], NOTHING),
        (["wait=1, wait=2"], waits("1")),
        (["wait=1", "WAIT=2"], waits("1")),
        (["wait=soon, wait=2"], NOTHING),
        (["wait, wait=2"], NOTHING),
        (["wait=0"], waits("0")),
        (["wait=0.5"], waits("0.5")),
        (["wait = 007.250"], waits("7.25")),
        (['wait="5"'], waits("5")),
        (['wait="\\5"'], waits("5")),
        (["Wait=5; foo=bar"], waits("5")),
        (["wait=" + "9" * 5000], waits("9" * 5000)),
        (["wait=0." + "1" * 5000], waits("0." + "1" * 5000)),
        *(
            ([f"wait={value}"], NOTHING)
            for value in ("", '""', "-1", "+1", "1e1", ".5", "5.", "5s", "NaN", "inf", "1_0")
        ),
        (["wait=1,5"], waits("1")),
        (["wait=\u0661"], NOTHING),
        (['wait="1 "'], NOTHING),
        (["respond-async, wait=0"], (True, Decimal(0))),
        (["wait=10, respond-async"], (True, Decimal(10))),
        (["wait=10", "respond-async; x"], (True, Decimal(10))),
        (["respond-async, wait=soon"], ASYNC),
    ],
)
def test_preferences_are_read_as_the_rfc_has_them(
    headers: list[str], preferences: tuple[bool, Decimal | None]
) -> None:
    assert read(headers) == preferences


@pytest.mark.parametrize(
    ("asked", "heeded"),
    [
        *(("0", "wait=0"), ("0.0", "wait=0"), ("0.5", "wait=0.5"), ("10", "wait=10")),
        *(("29.9996", "wait=30"), ("31", "wait=30"), ("9" * 5000, "wait=30")),
        *(("0." + "1" * 5000, "wait=0.111"), ("0.0001", "wait=0")),
    ],
)
def test_a_wait_is_applied_in_milliseconds_up_to_a_limit(asked: str, heeded: str) -> None:
    assert applied(at_most(Decimal(asked), 30)) == heeded


@pytest.mark.parametrize(
    "header",
    [
        *(" ;" * 5000, "; " * 5000 + "@", "a" * 10_000, '"' * 10_000, '\\"' * 5000),
        *('="' * 5000, "a=" + " " * 9000 + "@", "\t" * 9000 + "(", ",;" * 5000, '"\\' * 5000),
    ],
    ids=lambda text: text[:4],
)
def test_a_header_that_was_made_to_take_long_does_not(header: str) -> None:
    """It is read in one pass, or this would not end."""
    assert read([header]) == NOTHING


def get(service: Service, id: int, headers: bytes) -> httpx.Response:
    request = b"GET /transaction/%d HTTP/1.1\r\nHost: wallet\r\n%b\r\n" % (id, headers)
    return exchange(service.port, request, f"/transaction/{id}")


def test_no_prefer_header_is_an_error(
    service: Service, client: httpx.Client, wallet: Wallet
) -> None:
    paid = client.post(f"/account/{wallet()}/payment", json={"amount": "1"}).json()["id"]
    for value in (b"", b"\xff", b"wait=\xd9\xa1", b'"', b"wait=x", b"wait", b"\x01", b"=" * 5000):
        response = get(service, paid, b"Prefer: " + value + b"\r\n")
        assert response.status_code == 200
        assert "Preference-Applied" not in response.headers
    for headers in (
        b"prefer: wait=2\r\n",
        b"Prefer: foo\r\nPREFER: WAIT=2, x\r\nPrefer: wait=3\r\n",
    ):
        assert get(service, paid, headers).headers["Preference-Applied"] == "wait=2"
