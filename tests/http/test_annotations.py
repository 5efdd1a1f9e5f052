"""References and metadata over HTTP: read strictly, shown again, and found by."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from httpx import Client

from tests.http.answers import fields, problem
from tests.http.conftest import Wallet

METADATA = {"shop": 3, "lines": [1.5, None, "é", {"a": -1e2}]}
WRONG: dict[str, tuple[Any, ...]] = {
    "reference": ("", "x" * 256, "a\nb", "\u2028", "\ud800", 17),
    "metadata": ([], "a", {"a": "\0"}, {"a": "x" * 4088}, {"\ud800": 1}, {"a": 10**330}),
}


def test_what_was_said_is_shown_and_found(client: Client, wallet: Wallet) -> None:
    ada, bob = wallet("100.00"), wallet("100.00")
    words: dict[str, Any] = {"reference": f"order {uuid4()}", "metadata": METADATA}
    move = {"source_account_id": ada, "target_account_id": bob, "amount": 1, **words}
    hold = client.post(f"/account/{ada}/hold", json={"amount": 5}).json()["id"]
    paid = client.post(f"/account/{ada}/payment", json={"amount": 1}).json()["id"]
    made: list[int] = []
    for path, body, prefer in (
        ("/transaction", move, ""),
        ("/transaction", move, "respond-async, wait=1"),
        (f"/account/{ada}/payment", {"amount": 1, **words}, ""),
        (f"/account/{ada}/withdrawal", {"amount": 1, **words}, ""),
        (f"/hold/{hold}/capture", words, ""),
        (f"/transaction/{paid}/reversal", words, ""),
        ("/transaction/batch", {"transfers": [move], "atomic": True}, ""),
        ("/transaction", move, "respond-async"),
    ):
        first = client.post(path, json=body, headers={"Prefer": prefer}).json()
        (one,) = first.get("results", [first])
        assert {name: one[name] for name in words} == words, path
        made.insert(0, one["id"])
    found = client.get("/transaction", params={"reference": words["reference"]}).json()["items"]
    assert [one["id"] for one in found] == made
    assert all({name: one[name] for name in words} == words for one in found)


def test_a_wallet_gets_a_reference_and_is_found_by_it(client: Client) -> None:
    words: dict[str, Any] = {"reference": f"customer {uuid4()}", "metadata": METADATA}
    opened = client.post("/account", json={"email": "ada@example.com", **words}).json()
    path = f"/account/{opened['id']}"
    assert client.get(path).json() == opened == {**opened, **words}
    named = {"reference": words["reference"]}
    for said in (named, {}, words, named):
        put = client.put(f"{path}/annotation", json=said)
        bare = {name: one for name, one in opened.items() if name not in words}
        assert put.json() == client.get(path).json() == {**bare, **said}
    found = client.get("/account", params={**named, "email": "ADA@example.com"}).json()["items"]
    assert found == [client.get(path).json()]


def test_what_cannot_be_kept_is_an_invalid_request(client: Client, wallet: Wallet) -> None:
    path = f"/account/{wallet()}"
    for name, values in WRONG.items():
        for value in values:
            body = json.dumps({name: value})  # In ASCII, half a surrogate pair too.
            headers = {"Content-Type": "application/json"}
            answer = client.put(f"{path}/annotation", content=body, headers=headers)
            assert fields(answer) == [name], body
    nested = '{"metadata": ' + '{"a": ' * 102 + "1" + "}" * 103
    answer = client.put(f"{path}/annotation", content=nested, headers=headers)
    assert fields(answer) == ["metadata"]
    assert "reference" not in client.get(path).json()
    for query, wrong in (
        ("from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", ["from", "to"]),
        ("account_id=1&from=2026-01-01T00:00:00", ["from"]),
        ("reference=&account_id=0", ["reference", "account_id"]),
    ):
        assert fields(client.get(f"/transaction?{query}")) == wrong
    assert fields(client.get("/account")) == ["email"]
    problem(client.get("/transaction?account_id=9223372036854775807"), "account_not_found")
