"""Many transfers in one request: each as if it had been asked for alone, or none at all."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import fields, problem
from tests.http.conftest import Wallet
from tests.http.processes import held, open_wallet, running
from tests.http.test_bad_http import HUNDRED_MEGABYTES, MEGABYTE
from tests.http.wire import Connection
from tests.support.calls import ledger
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.service import JSON, Service

NOBODY = 2**63 - 1
LIMIT = 4 * 1024 * 1024
NO_BOOLEANS: list[object] = [0, 1, "true", None, []]
NO_ARRAYS: list[object] = [None, {}, "", 1]
NO_AMOUNTS: list[object] = [None, True, [], {}, ["1"]]
NO_IDS: list[Any] = [0, -1, 2**63, 1.5, "1", None, True, [1]]
Owner = psycopg.Connection[DictRow]
HEAD = b"POST /transaction/batch HTTP/1.1\r\nHost: wallet\r\nContent-Type: application/json\r\n"
AMOUNTS: list[object] = [
    *("1.50", "0.005", "0.01", "5", "50.00", "999999.99", "0", "-1", "1e2", "abc", "", "NaN"),
    *("1000000", "0.0049", "1" * 30, "\u0661", "1 ", "Infinity"),
    *(1, 0.5, 2.345, 0, -1, 1e6, 1e300, 1e-300, float("nan"), float("inf")),
]


def item(source: int, target: int, amount: object = "1.50") -> dict[str, Any]:
    return {"source_account_id": source, "target_account_id": target, "amount": amount}


def batch(
    client: httpx.Client, items: object, atomic: object = False, **headers: str
) -> httpx.Response:
    body = json.dumps({"transfers": items, "atomic": atomic})
    return client.post("/transaction/batch", content=body, headers={**JSON, **headers})


def results(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_each_item_is_a_transaction_that_can_be_read(client: httpx.Client, wallet: Wallet) -> None:
    a, b, c = wallet("10.00"), wallet(), wallet()
    made = results(batch(client, [item(a, b), item(b, c, 1), item(c, a, "0.5")]))
    assert [(m["source_account_id"], m["target_account_id"], m["amount"]) for m in made] == [
        *((a, b, "1.50"), (b, c, "1.00"), (c, a, "0.50")),
    ]
    assert len({m["id"] for m in made}) == 3
    for one in made:
        assert client.get(f"/transaction/{one['id']}").json() == one
        assert one["state"] == "succeeded"
    balances = [client.get(f"/account/{id}").json()["balance"] for id in (a, b, c)]
    assert balances == ["9.00", "0.50", "0.50"]


@pytest.mark.parametrize("round_", range(6))
def test_a_batch_is_answered_as_single_requests_are(
    client: httpx.Client, wallet: Wallet, owner: Owner, round_: int
) -> None:
    """Two sets of wallets that hold the same: one is asked singly, the other at once."""
    random = Random(f"{fresh_seed()} {round_}")
    holdings = ["0.00", "3.00", "100.00", "999999.99", "999990.00", "20.00"]
    singly, at_once = ([wallet(balance) for balance in holdings] for _ in range(2))
    for ids in (singly, at_once):
        owner.execute("SELECT wallet.freeze_account(%s)", (ids[-1],))
    asked = [
        (random.randrange(7), random.randrange(7), random.choice(AMOUNTS))
        for _ in range(random.choice([1, 5, 60]))
    ]

    def items(ids: list[int]) -> list[dict[str, Any]]:
        ids = [*ids, NOBODY]
        return [item(ids[source], ids[target], amount) for source, target, amount in asked]

    def told(body: dict[str, Any], ids: list[int]) -> str:
        """What is answered, with accounts by their place and nothing that must differ."""
        own = {"id": 0, "ctime": "", "instance": ""}
        text = json.dumps({name: value for name, value in body.items() if name not in own})
        for place, id in enumerate(ids):
            text = text.replace(f": {id},", f": #{place},").replace(f"ccount {id} ", f"#{place} ")
            text = text.replace(f"ccount {id}.", f"#{place}.")
        return text

    single = [
        client.post("/transaction", content=json.dumps(one), headers=JSON) for one in items(singly)
    ]
    many = results(batch(client, items(at_once)))
    for one, other in zip(single, many, strict=True):
        assert told(other, at_once) == told(one.json(), singly)
        if one.status_code != 201:
            assert other["status"] == one.status_code
    for first, second in zip(singly, at_once, strict=True):
        assert (
            client.get(f"/account/{first}").json()["balance"]
            == client.get(f"/account/{second}").json()["balance"]
        )
    for ids in (singly, at_once):
        owner.execute("SELECT wallet.unfreeze_account(%s)", (ids[-1],))


def test_an_atomic_batch_is_done_whole_or_not_at_all(
    client: httpx.Client, wallet: Wallet, owner: Owner
) -> None:
    a, b = wallet("10.00"), wallet()
    before = ledger(owner)
    refused = batch(client, [item(a, b), item(a, b, "x"), item(a, b, 9), item(a, a)], atomic=True)
    first, second, third, fourth = results(refused)
    assert (second["code"], second["detail"]) == ("invalid_amount", "The amount is x.")
    assert (third["code"], fourth["code"]) == ("insufficient_funds", "same_account")
    assert (first["code"], first["status"]) == ("batch_refused", 409)
    assert "Item 2" in first["detail"]
    for one in (first, second, third, fourth):
        assert one["type"] == f"/docs#{one['code']}"
        assert one["instance"] == refused.headers["X-Request-ID"]
        assert one["hint"]
    assert ledger(owner) == before
    done = results(batch(client, [item(a, b), item(b, a)], atomic=True))
    assert {one["state"] for one in done} == {"succeeded"}


def test_no_transfer_at_all_is_a_batch(client: httpx.Client) -> None:
    for atomic in (True, False):
        assert results(batch(client, [], atomic)) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["transfers", "atomic"]),
        ({"transfers": []}, ["atomic"]),
        ({"atomic": True}, ["transfers"]),
        ({"transfers": [], "atomic": True, "x": 1}, ["x"]),
        *(({"transfers": [], "atomic": value}, ["atomic"]) for value in NO_BOOLEANS),
        *(({"transfers": value, "atomic": True}, ["transfers"]) for value in NO_ARRAYS),
        ({"transfers": [1, None, []], "atomic": True}, [f"transfers[{n}]" for n in range(3)]),
        (
            {"transfers": [item(1, 2), {}], "atomic": True},
            [f"transfers[1].{name}" for name in item(1, 2)],
        ),
        ({"transfers": [{**item(1, 2), "x": 1}], "atomic": True}, ["transfers[0].x"]),
        *(
            ({"transfers": [item(1, 2)] * 3 + [item(1, 2, amount)], "atomic": True},
             ["transfers[3].amount"])
            for amount in NO_AMOUNTS
        ),
        *(
            ({"transfers": [item(1, 2), item(1, id)], "atomic": True},
             ["transfers[1].target_account_id"])
            for id in NO_IDS
        ),
        ({"transfers": [item(0, 0, "abc")], "atomic": 1},
         ["transfers[0].source_account_id", "transfers[0].target_account_id", "atomic"]),
    ],
)  # fmt: skip
def test_a_member_of_the_wrong_type_is_named_and_nothing_is_done(
    client: httpx.Client, owner: Owner, body: dict[str, Any], named: list[str]
) -> None:
    before = ledger(owner)
    response = client.post("/transaction/batch", json=body)
    assert fields(response) == named
    assert ledger(owner) == before


def test_of_very_many_wrong_members_some_are_named(client: httpx.Client) -> None:
    response = batch(client, [{}] * 500_000)
    assert len(fields(response)) == 100
    assert len(response.content) < 10_000


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"transfers": [', b"\xff", b'{"transfers": [], "transfers": []}']
)
def test_a_body_that_is_no_batch_is_refused(client: httpx.Client, body: bytes) -> None:
    response = client.post("/transaction/batch", content=body, headers=JSON)
    problem(response, "invalid_request")
    response = client.post("/transaction/batch", content=body)
    problem(response, "unsupported_media_type")


def test_a_batch_takes_ten_thousand_and_no_more(
    database: Database, admin: psycopg.Connection[DictRow]
) -> None:
    with running(database, WALLET_STATEMENT_TIMEOUT="60") as service:
        client = service.client
        a, b = open_wallet(client), open_wallet(client)
        items = [item(a, b, "0.01")] * 10_000
        before = ledger(admin)
        for number in (10_001, 20_000):
            refused = batch(client, [items[0]] * number, **{"Idempotency-Key": "k"})
            assert str(number) in problem(refused, "batch_too_large")["detail"]
        assert ledger(admin) == before
        # What was too large left no trace of its key.
        done = batch(client, items, **{"Idempotency-Key": "k"})
        assert len(results(done)) == 10_000
        assert "Idempotency-Replayed" not in done.headers
        assert client.get(f"/account/{a}").json()["balance"] == "0.00"
        assert_sound(admin)


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(
    service: Service, client: httpx.Client
) -> None:
    body = b'{"transfers": [], "atomic": true}'
    full = body + b" " * (LIMIT - len(body))
    for content in (full, iter([full[:MEGABYTE], full[MEGABYTE:]])):
        assert client.post("/transaction/batch", content=content, headers=JSON).status_code == 200
    with Connection(service.port) as connection:
        connection.send(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
        # Not one byte of the body was sent.
        problem(connection.answer("POST", "/transaction/batch"), "body_too_large")
        assert connection.is_closed()
    with Connection(service.port) as connection:
        connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.send(b"%x\r\n%b\r\n" % (LIMIT, full) + b"1\r\n \r\n")
        problem(connection.answer("POST", "/transaction/batch"), "body_too_large")
        assert connection.is_closed()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_hundred_megabytes_are_not_taken_in(service: Service, chunked: bool) -> None:
    data = b" " * MEGABYTE
    with Connection(service.port) as connection:
        length = b"Content-Length: %d\r\n" % HUNDRED_MEGABYTES
        connection.send(HEAD + (b"Transfer-Encoding: chunked\r\n" if chunked else length) + b"\r\n")
        sent = 0
        while sent < HUNDRED_MEGABYTES and connection.send(
            b"%x\r\n%b\r\n" % (MEGABYTE, data) if chunked else data
        ):
            sent += MEGABYTE
    assert sent < HUNDRED_MEGABYTES


@pytest.mark.parametrize("chunked", [False, True])
def test_other_bodies_may_not_be_as_large(service: Service, chunked: bool) -> None:
    for path in ("/account", "/transaction", "/account/1/payment", "/transaction/1/reversal"):
        with Connection(service.port) as connection:
            connection.send(f"POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n".encode())
            if chunked:
                connection.send(b"Transfer-Encoding: chunked\r\n\r\n2001\r\n" + b" " * 0x2001)
            else:
                connection.send(b"Content-Length: 8193\r\n\r\n")
            problem(connection.answer("POST", path), "body_too_large")
            assert connection.is_closed()


def test_a_batch_that_comes_again_gets_the_first_answer(
    client: httpx.Client, wallet: Wallet, owner: Owner
) -> None:
    a, b = wallet("2.00"), wallet()
    items = [item(a, b), item(a, b), item(a, b, "x"), item(a, NOBODY)]
    for atomic in (True, False):
        key = {"Idempotency-Key": f"batch {a} {atomic}"}
        first = batch(client, items, atomic, **key)
        codes = [one.get("code", one.get("state")) for one in results(first)]
        assert codes[1:] == ["insufficient_funds", "invalid_amount", "account_not_found"]
        assert codes[0] == ("batch_refused" if atomic else "succeeded")
        assert "Idempotency-Replayed" not in first.headers
        client.post(f"/account/{a}/payment", json={"amount": "0.01"})
        done = ledger(owner)
        again = batch(client, items, atomic, **key, **{"X-Request-ID": "again"})
        assert again.headers["Idempotency-Replayed"] == "true"
        own = {"instance": ""}
        assert [{**one, **own} for one in results(again)] == [
            {**one, **own} for one in results(first)
        ]
        for other in (
            items[:3],
            items[::-1],
            [*items, item(b, a)],
            [item(a, b, "1.51"), *items[1:]],
        ):
            problem(batch(client, other, atomic, **key), "idempotency_key_reused")
        problem(batch(client, items, not atomic, **key), "idempotency_key_reused")
        problem(client.post("/transaction", json=item(a, b), headers=key), "idempotency_key_reused")
        assert ledger(owner) == done
    key = {"Idempotency-Key": f"none {a}"}
    first, again = (batch(client, [], **key) for _ in range(2))
    assert (results(first), results(again)) == ([], [])
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_batch_that_meets_a_held_account_is_busy_and_nothing_is_done(
    database: Database, admin: psycopg.Connection[DictRow]
) -> None:
    with running(database, WALLET_LOCK_TIMEOUT="0.1") as service:
        client = service.client
        a, b, c = (open_wallet(client) for _ in range(3))
        with held(database, c):
            response = batch(client, [item(a, b), item(b, c)])
            assert "Nothing was done." in problem(response, "busy")["detail"]
        assert client.get(f"/account/{a}").json()["balance"] == "100.00"
        assert_sound(admin)
