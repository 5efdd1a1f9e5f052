"""Many transfers in one request: each as if it had been asked for alone, or none at all."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from httpx import Client, Response

from tests.http.answers import fields, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import balance, open_wallet
from tests.http.wire import Connection, json_post
from tests.support.calls import ledger
from tests.support.seeds import fresh_seed
from tests.support.service import JSON, Service

NOBODY = 2**63 - 1
LIMIT = 4 * 1024 * 1024
AMOUNTS: list[object] = [
    *("1.50", "0.005", "0.01", "5", "50.00", "999999.99", "0", "-1", "1e2", "abc", "", "NaN"),
    *("1000000", "0.0049", "1" * 30, "\u0661", "1 ", "Infinity"),
    *(1, 0.5, 2.345, 0, -1, 1e6, 1e300, 1e-300, float("nan"), float("inf")),
]


def item(source: Any, target: Any, amount: object = "1.50") -> dict[str, Any]:
    return {"source_account_id": source, "target_account_id": target, "amount": amount}


def batch(client: Client, items: object, atomic: object = False, **headers: str) -> Response:
    body = json.dumps({"transfers": items, "atomic": atomic})
    return client.post("/transaction/batch", content=body, headers={**JSON, **headers})


def results(response: Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"results"}
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_each_item_is_a_transaction_that_can_be_read(client: Client, wallet: Wallet) -> None:
    a, b, c = wallet("10.00"), wallet(), wallet()
    made = results(batch(client, [item(a, b), item(b, c, 1), item(c, a, "0.5")]))
    moved = [(m["source_account_id"], m["target_account_id"], m["amount"]) for m in made]
    assert moved == [(a, b, "1.50"), (b, c, "1.00"), (c, a, "0.50")]
    for one in made:
        assert client.get(f"/transaction/{one['id']}").json() == one
        assert one["state"] == "succeeded"
    assert [balance(client, id) for id in (a, b, c)] == ["9.00", "0.50", "0.50"]
    for atomic in (True, False):
        assert results(batch(client, [], atomic)) == []


def test_a_batch_is_answered_as_single_requests_are(
    client: Client, wallet: Wallet, owner: Owner
) -> None:
    """Two sets of wallets that hold the same: one is asked singly, the other at once."""
    random = Random(fresh_seed())
    holdings = ["0.00", "3.00", "100.00", "999999.99", "999990.00", "20.00"]
    singly, at_once = ([wallet(amount) for amount in holdings] for _ in range(2))
    for ids in (singly, at_once):
        owner.execute("SELECT wallet.freeze_account(%s)", (ids[-1],))

    def told(body: dict[str, Any], ids: list[int]) -> str:
        """What is answered, with accounts by their place and without what must differ."""
        own = {"id", "ctime", "instance"}
        text = json.dumps({name: value for name, value in body.items() if name not in own})
        for place, id in enumerate(ids):
            text = text.replace(f": {id},", f": #{place},").replace(f"ccount {id} ", f"#{place} ")
            text = text.replace(f"ccount {id}.", f"#{place}.")
        return text

    for size in (1, 5, 60, 60):
        asked = [
            (random.randrange(7), random.randrange(7), random.choice(AMOUNTS)) for _ in range(size)
        ]

        def items(ids: list[int], asked: Any = asked) -> list[dict[str, Any]]:
            known = [*ids, NOBODY]
            return [item(known[source], known[target], amount) for source, target, amount in asked]

        many = results(batch(client, items(at_once)))
        for one, other in zip(items(singly), many, strict=True):
            single = client.post("/transaction", content=json.dumps(one), headers=JSON)
            assert told(other, at_once) == told(single.json(), singly)
            assert other.get("status", 201) == single.status_code
    for first, second in zip(singly, at_once, strict=True):
        assert balance(client, first) == balance(client, second)


def test_an_atomic_batch_is_done_whole_or_not_at_all(
    client: Client, wallet: Wallet, owner: Owner
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
        assert one["type"] == f"/guide#{one['code']}"
        assert one["instance"] == refused.headers["X-Request-ID"]
        assert one["hint"]
    assert ledger(owner) == before
    done = results(batch(client, [item(a, b), item(b, a)], atomic=True))
    assert {one["state"] for one in done} == {"succeeded"}


def test_a_member_that_is_wrong_is_named_and_nothing_is_done(
    client: Client, owner: Owner, wallet: Wallet
) -> None:
    a, b = wallet("10.00"), wallet()
    fine = item(a, b)
    no_amounts: list[object] = [None, True, [], {}]
    no_booleans: list[object] = [0, 1, "true", None, []]
    no_arrays: list[object] = [None, {}, "", 1]
    cases: list[tuple[Any, list[str]]] = [
        ({}, ["transfers", "atomic"]),
        ({"transfers": [fine]}, ["atomic"]),
        ({"transfers": [fine], "atomic": True, "x": 1}, ["x"]),
        *(({"transfers": [fine], "atomic": v}, ["atomic"]) for v in no_booleans),
        *(({"transfers": v, "atomic": True}, ["transfers"]) for v in no_arrays),
        ({"transfers": [1, None, []], "atomic": True}, [f"transfers[{n}]" for n in range(3)]),
        ({"transfers": [fine, {}], "atomic": True}, [f"transfers[1].{name}" for name in fine]),
        ({"transfers": [{**fine, "x": 1}], "atomic": True}, ["transfers[0].x"]),
        *(
            ({"transfers": [fine, item(a, b, v)], "atomic": False}, ["transfers[1].amount"])
            for v in no_amounts
        ),
        *(
            ({"transfers": [fine, item(a, v)], "atomic": False}, ["transfers[1].target_account_id"])
            for v in (0, -1, 2**63, 1.5, "1", None, True)
        ),
        (
            {"transfers": [item(0, 0, "abc")], "atomic": 1},
            ["transfers[0].source_account_id", "transfers[0].target_account_id", "atomic"],
        ),
    ]
    before = ledger(owner)
    for body, named in cases:
        assert fields(client.post("/transaction/batch", json=body)) == named, body
    twice = b'{"transfers": [], "atomic": true, "atomic": true}'
    for text in (b"", b"[]", b"{", b'{"transfers": [', b"\xff", twice):
        response = client.post("/transaction/batch", content=text, headers=JSON)
        problem(response, "invalid_request")
        response = client.post("/transaction/batch", content=text)
        problem(response, "unsupported_media_type")
    assert ledger(owner) == before


def test_of_very_many_wrong_members_a_hundred_are_named(client: Client) -> None:
    for items, count in (([1] * 99, 99), ([1] * 101, 100), ([{}] * 500_000, 100)):
        assert len(fields(batch(client, items))) == count


def test_a_batch_takes_ten_thousand_and_no_more(patient: Service) -> None:
    a, b = open_wallet(patient.client), open_wallet(patient.client, "0.00")
    items = [item(a, b, "0.01")] * 10_000
    # Not held to the document, which takes seconds for so many results.
    with Client(base_url=patient.url, timeout=60, verify=False) as client:
        with patient.database.connect() as admin:
            before = ledger(admin)
            refused = batch(client, [*items, items[0]], **{"Idempotency-Key": "k"})
            assert "10001" in problem(refused, "batch_too_large")["detail"]
            assert ledger(admin) == before
        # What was too large left no trace of its key.
        done = batch(client, items, **{"Idempotency-Key": "k"})
        assert len(results(done)) == 10_000
        assert "Idempotency-Replayed" not in done.headers
        assert balance(client, a) == "0.00"


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(
    service: Service, client: Client
) -> None:
    body = b'{"transfers": [], "atomic": true}'
    full = body + b" " * (LIMIT - len(body))
    for content in (full, iter([full[:1000], full[1000:]])):
        assert client.post("/transaction/batch", content=content, headers=JSON).status_code == 200
    head = json_post("/transaction/batch")
    for rest in (
        # Not one byte of the body is sent.
        b"Content-Length: %d\r\n\r\n" % (LIMIT + 1),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n1\r\n \r\n" % (LIMIT, full),
    ):
        with Connection(service.port) as connection:
            connection.send(head + rest)
            problem(connection.answer("POST", "/transaction/batch"), "body_too_large")
            assert connection.is_closed()
