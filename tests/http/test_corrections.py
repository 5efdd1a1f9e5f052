"""Money out, money back, and accounts that are kept out, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import problem
from tests.http.conftest import Wallet
from tests.http.test_routes import refusal_in_psql, texts

NOBODY = 2**63 - 1
Owner = psycopg.Connection[DictRow]


def balance(client: httpx.Client, id: int) -> str:
    return str(client.get(f"/account/{id}").json()["balance"])


def transfer(client: httpx.Client, source: int, target: int, amount: str) -> dict[str, Any]:
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    response = client.post("/transaction", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_withdrawal_is_a_transaction_without_a_target(
    client: httpx.Client, wallet: Wallet
) -> None:
    id = wallet("12.30")
    response = client.post(f"/account/{id}/withdrawal", json={"amount": "2.345"})
    assert response.status_code == 201
    transaction = response.json()
    assert (transaction["source_account_id"], transaction["target_account_id"]) == (id, None)
    assert transaction["amount"] == "2.35"
    assert response.headers["Location"] == f"/transaction/{transaction['id']}"
    assert client.get(response.headers["Location"]).json() == transaction
    assert balance(client, id) == "9.95"


def test_a_withdrawal_is_refused_as_in_psql(
    client: httpx.Client, wallet: Wallet, psql: Owner, owner: Owner
) -> None:
    id = wallet("5.00")
    cases = [
        (id, "0.004", "invalid_amount", "WL002"),
        (NOBODY, "1", "account_not_found", "WL004"),
        (id, "5.01", "insufficient_funds", "WL006"),
    ]
    for account_id, amount, code, sqlstate in cases:
        refused = problem(
            client.post(f"/account/{account_id}/withdrawal", json={"amount": amount}), code
        )
        statement = "SELECT wallet.withdraw(%s, %s::numeric)"
        assert refusal_in_psql(psql, statement, account_id, amount) == (sqlstate, *texts(refused))
    owner.execute("SELECT wallet.freeze_account(%s)", [id])
    problem(client.post(f"/account/{id}/withdrawal", json={"amount": "1"}), "account_frozen")
    assert balance(client, id) == "5.00"


def test_a_withdrawal_of_nobodys_account_is_not_found(client: httpx.Client) -> None:
    for id in ("0", "-1", "9223372036854775808", "1e3", "x"):
        problem(client.post(f"/account/{id}/withdrawal", json={"amount": 1}), "account_not_found")


@pytest.mark.parametrize("body", [None, b"{}"])
def test_a_reversal_moves_the_money_back(
    client: httpx.Client, wallet: Wallet, body: bytes | None
) -> None:
    source, target = wallet("10.00"), wallet()
    made = transfer(client, source, target, "4.00")
    headers = {"Content-Type": "application/json"} if body else {}
    response = client.post(f"/transaction/{made['id']}/reversal", content=body, headers=headers)
    assert response.status_code == 201, response.text
    back = response.json()
    assert (back["source_account_id"], back["target_account_id"]) == (target, source)
    assert back["amount"] == "4.00"
    assert response.headers["Location"] == f"/transaction/{back['id']}"
    assert (balance(client, source), balance(client, target)) == ("10.00", "0.00")


def test_a_reversal_takes_no_members(client: httpx.Client, wallet: Wallet) -> None:
    made = transfer(client, wallet("10.00"), wallet(), "4.00")
    url = f"/transaction/{made['id']}/reversal"
    refused = problem(client.post(url, json={"amount": "1"}), "invalid_request")
    assert [error["field"] for error in refused["errors"]] == ["amount"]
    problem(client.post(url, content=b"amount=1"), "unsupported_media_type")
    assert client.post(url).status_code == 201


def test_a_reversal_is_refused_as_in_psql(
    client: httpx.Client, wallet: Wallet, psql: Owner, owner: Owner
) -> None:
    rich, poor = wallet("10.00"), wallet()
    made = transfer(client, rich, poor, "4.00")["id"]
    away = client.post(f"/account/{poor}/withdrawal", json={"amount": "1.00"}).json()["id"]

    def refused(transaction_id: int, code: str, sqlstate: str) -> None:
        body = problem(client.post(f"/transaction/{transaction_id}/reversal"), code)
        statement = "SELECT wallet.reverse(%s)"
        assert refusal_in_psql(psql, statement, transaction_id) == (sqlstate, *texts(body))

    refused(NOBODY, "transaction_not_found", "WL005")
    refused(made, "insufficient_funds", "WL006")
    owner.execute("SELECT wallet.freeze_account(%s)", [rich])
    assert client.post(f"/transaction/{away}/reversal").status_code == 201
    refused(made, "account_frozen", "WL008")
    owner.execute("SELECT wallet.unfreeze_account(%s)", [rich])
    back = client.post(f"/transaction/{made}/reversal").json()["id"]
    refused(back, "not_reversible", "WL010")
    client.post(f"/account/{poor}/payment", json={"amount": "4.00"})
    refused(made, "already_reversed", "WL009")
    full = wallet("999999.00")
    out = client.post(f"/account/{full}/withdrawal", json={"amount": "5.00"}).json()["id"]
    client.post(f"/account/{full}/payment", json={"amount": "5.00"})
    refused(out, "balance_limit_exceeded", "WL007")


def test_a_frozen_account_takes_no_part_and_can_be_read(
    client: httpx.Client, wallet: Wallet, owner: Owner
) -> None:
    frozen, other = wallet("10.00"), wallet("10.00")
    owner.execute("SELECT wallet.freeze_account(%s)", [frozen])
    for source, target in ((frozen, other), (other, frozen)):
        body = {"source_account_id": source, "target_account_id": target, "amount": 1}
        refused = problem(client.post("/transaction", json=body), "account_frozen")
        assert str(frozen) in refused["detail"]
    problem(client.post(f"/account/{frozen}/payment", json={"amount": 1}), "account_frozen")
    assert balance(client, frozen) == "10.00"
    assert client.get(f"/account/{frozen}/transaction").status_code == 200
