"""Holds and limits over HTTP: what is answered, what is refused, and the sweep."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest
from httpx import Client

from tests.http.answers import fields
from tests.http.conftest import Owner, Wallet
from tests.http.processes import (
    OwnServer,
    held,
    jobs,
    open_wallet,
    running,
    wait_until,
    waiting,
)
from tests.http.test_routes import made, transaction
from tests.support.databases import Database, assert_sound
from tests.support.service import Service


def post(client: Client, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


def hold(client: Client, account: int, amount: str = "60", **more: Any) -> dict[str, Any]:
    body = {"amount": amount, **more}
    return made(client, post(client, f"/account/{account}/hold", body), "hold")


def money(client: Client, account: int) -> list[str]:
    body = client.get(f"/account/{account}").json()
    return [body[name] for name in ("balance", "held", "available", "minimum", "maximum")]


def test_a_hold_is_made_captured_in_parts_and_released(client: Client, wallet: Wallet) -> None:
    buyer, seller = wallet("100.00"), wallet()
    first = hold(client, buyer, "59.995", expires_in=3600)
    assert first == {
        "id": first["id"],
        "account_id": buyer,
        "amount": "60.00",
        "captured": "0.00",
        "state": "held",
        "expires_at": first["expires_at"],
        "ctime": first["ctime"],
    }
    assert money(client, buyer) == ["100.00", "60.00", "40.00", "0.00", "999999.99"]
    capture = f"/hold/{first['id']}/capture"
    part = post(client, capture, {"amount": "10", "target_account_id": seller})
    transaction(made(client, part, "transaction"), buyer, seller, "10.00")
    outside = post(client, capture, {"amount": "5", "final": True})
    transaction(made(client, outside, "transaction"), buyer, None, "5.00")
    closed = {**first, "captured": "15.00", "state": "captured"}
    assert client.get(f"/hold/{first['id']}").json() == closed
    assert client.get(f"/account/{buyer}/hold").json()["items"] == [closed]
    second = hold(client, buyer, "20")
    rest = post(client, f"/hold/{second['id']}/capture", {"amount": None})
    whole = made(client, rest, "transaction")
    assert whole["amount"] == "20.00"
    third = hold(client, buyer, "20")
    released = post(client, f"/hold/{third['id']}/release", {})
    assert (released.status_code, released.json()) == (200, {**third, "state": "released"})
    assert money(client, buyer) == ["65.00", "0.00", "65.00", "0.00", "999999.99"]


def test_limits_are_set_and_stay_where_none_is_given(client: Client, wallet: Wallet) -> None:
    id = wallet("10.00")
    put = client.put(f"/account/{id}/limits", json={"minimum": "-50.004"})
    assert (put.status_code, put.json()["minimum"]) == (200, "-50.00")
    assert client.put(f"/account/{id}/limits", json={"maximum": 70.01}).status_code == 200
    assert (
        client.put(f"/account/{id}/limits", json={}).json() == client.get(f"/account/{id}").json()
    )
    assert money(client, id) == ["10.00", "0.00", "60.00", "-50.00", "70.01"]
    client.post(f"/account/{id}/withdrawal", json={"amount": "60"})
    assert money(client, id)[0] == "-50.00"
    assert client.get(f"/account/{id}/transaction").json()["items"][0]["balance"] == "-50.00"


def test_bodies_are_read_strictly(client: Client, wallet: Wallet) -> None:
    id = wallet()
    for path, body, wrong in (
        (f"/account/{id}/hold", {}, ["amount"]),
        (f"/account/{id}/hold", {"amount": 1, "expires_in": 0}, ["expires_in"]),
        (f"/account/{id}/hold", {"amount": 1, "expires_in": 366 * 86400 + 1}, ["expires_in"]),
        (f"/account/{id}/hold", {"amount": 1, "expires_in": "60"}, ["expires_in"]),
        (f"/account/{id}/hold", {"amount": 1, "expires_in": 1.5, "to": 1}, ["to", "expires_in"]),
        ("/hold/1/capture", {"amount": [], "final": 1}, ["amount", "final"]),
        ("/hold/1/capture", {"target_account_id": 0}, ["target_account_id"]),
        ("/hold/1/release", {"amount": 1}, ["amount"]),
        (f"/account/{id}/freeze", {"x": 1}, ["x"]),
        (f"/account/{id}/unfreeze", {"x": 1}, ["x"]),
        ("/transaction/1/cancel", {"x": 1}, ["x"]),
        ("/transaction/1/reversal", {"amount": "1"}, ["amount"]),
    ):
        assert fields(post(client, path, body)) == wrong, path
    assert fields(client.put(f"/account/{id}/email", json={})) == ["email"]
    assert fields(client.put(f"/account/{id}/limits", json={"minimum": []})) == ["minimum"]


def test_the_sweep_ends_what_is_due_beside_an_account_that_a_dba_holds(
    service: Service, client: Client, wallet: Wallet, owner: Owner
) -> None:
    busy, free = wallet("2.00"), wallet("2.00")
    ids = [hold(client, account, "1")["id"] for account in (busy, free)]
    with held(service.database, busy):
        owner.execute(
            "UPDATE wallet.hold SET ctime = now() - interval '1 day', expires_at = now() "
            "WHERE id = ANY (%s)",
            [ids],
        )
        wait_until(lambda: money(client, free)[1] == "0.00", "the sweep has run")
        assert [client.get(f"/hold/{id}").json()["state"] for id in ids] == ["held", "expired"]


def test_a_capture_whose_worker_or_backend_is_killed_is_done_once(
    own: tuple[OwnServer, Database],
) -> None:
    """Done already when the worker died, not yet when the backend did: the key says so."""
    settings = {"WALLET_LOCK_TIMEOUT": "30", "WALLET_STATEMENT_TIMEOUT": "60"}
    capture = {"amount": "20"}
    _, database = own
    with running(database, **settings) as service:
        client = service.client
        id = open_wallet(client)
        path = f"/hold/{hold(client, id)['id']}/capture"
        for key, replayed, left in (
            ("worker", "true", ["80.00", "40.00"]),
            ("backend", None, ["60.00", "20.00"]),
        ):
            with ThreadPoolExecutor(1) as pool:
                with suppress(psycopg.OperationalError), held(database, id):
                    answer = pool.submit(post, client, path, capture, key)
                    wait_until(lambda: waiting(database) == 1, "it waits for the account")
                    (row,) = database.execute(
                        "SELECT pid FROM pg_stat_activity "
                        "WHERE wait_event_type = 'Lock' AND usename = 'wallet_app'"
                    )
                    workers = jobs(service.process.pid, "worker")
                    for pid in workers if key == "worker" else [row["pid"]]:
                        os.kill(pid, signal.SIGKILL)
                    if key == "worker":
                        with pytest.raises(httpx.TransportError):
                            answer.result(30)
                    else:
                        assert answer.result(30).status_code == 503
                wait_until(lambda: is_ready(client), "another worker, PostgreSQL again")
                for retried in (replayed, "true"):
                    retry = post(client, path, capture, key)
                    assert retry.status_code == 201
                    assert retry.headers.get("Idempotency-Replayed") == retried
            assert money(client, id)[:2] == left
        with database.connect() as admin:
            assert_sound(admin)


def is_ready(client: Client) -> bool:
    with suppress(httpx.TransportError):
        return client.get("/health/ready").status_code == 200
    return False
