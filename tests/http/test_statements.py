"""Each request is exactly one SQL statement, as PostgreSQL counts them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from service.statements import PROCESS_PENDING
from tests.http.processes import open_wallet, running
from tests.support import databases
from tests.support.databases import Database

ROUNDS = 20
NOBODY = 2**63 - 1


class Counted(NamedTuple):
    """Statements of wallet_app. One that fails is planned, and then counted no further."""

    planned: int
    done: int


@dataclass(frozen=True)
class Wallets:
    client: httpx.Client
    admin: psycopg.Connection[DictRow]
    source: int
    target: int
    full: int
    transaction: int
    reversible: Iterator[int]
    """Payments that have not been reversed."""

    def count(self) -> Counted:
        row = self.admin.execute(
            """
            SELECT coalesce(sum(s.plans), 0) AS planned, coalesce(sum(s.calls), 0) AS done
            FROM pg_stat_statements s
            WHERE s.toplevel AND s.userid = 'wallet_app'::regrole
            AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
            AND s.query <> %s
            """,
            (PROCESS_PENDING,),
        ).fetchone()
        assert row is not None
        return Counted(int(row["planned"]), int(row["done"]))


@pytest.fixture(scope="module")
def wallets(template: Database) -> Iterator[Wallets]:
    """A service with one connection, and wallets to ask about."""
    database = databases.create(template.server, template.name)
    with database.connect() as admin:
        row = admin.execute("SHOW shared_preload_libraries").fetchone()
        if row is None or "pg_stat_statements" not in row["shared_preload_libraries"]:
            pytest.skip("this server has not loaded pg_stat_statements")
        admin.execute("CREATE EXTENSION pg_stat_statements")
        # A statement that fails is counted when it is planned; each must be planned each time.
        for setting in (
            "plan_cache_mode = force_custom_plan",
            "pg_stat_statements.track = 'top'",
            "pg_stat_statements.track_planning = on",
            "pg_stat_statements.track_utility = on",
        ):
            admin.execute(
                f"ALTER ROLE wallet_app IN DATABASE {database.name} SET {setting}".encode()
            )
        with running(database, WALLET_POOL_SIZE="1") as service:
            source, target = open_wallet(service.client), open_wallet(service.client)
            full = open_wallet(service.client, "999999.99")
            paid = service.client.post(f"/account/{target}/payment", json={"amount": "1"})
            payments = [
                service.client.post(f"/account/{target}/payment", json={"amount": "1"}).json()["id"]
                for _ in range(6 * (1 + ROUNDS))
            ]
            yield Wallets(
                *(service.client, admin, source, target, full, paid.json()["id"]), iter(payments)
            )
    databases.drop(database)


def transfer(source: str, target: str, amount: str = "0.01") -> dict[str, str]:
    return {"source_account_id": source, "target_account_id": target, "amount": amount}


class Call(NamedTuple):
    method: str
    path: str
    json: Any
    status: int
    prefer: str = ""


# Members that name a wallet are filled in once there is one.
DONE: dict[str, Call] = {
    "create_account": Call("POST", "/account", {"email": "a@b"}, 201),
    "get_account": Call("GET", "/account/{source}", None, 200),
    "deposit": Call("POST", "/account/{target}/payment", {"amount": "0.01"}, 201),
    "transfer": Call("POST", "/transaction", transfer("source", "target"), 201),
    "get_transfer_result": Call("GET", "/transaction/{transaction}", None, 200),
    "withdraw": Call("POST", "/account/{target}/withdrawal", {"amount": "0.01"}, 201),
    "reverse": Call("POST", "/transaction/{reversible}/reversal", None, 201),
    "find_accounts": Call("GET", "/account?email=ada@example.com", None, 200),
    "get_statement": Call("GET", "/account/{target}/transaction?limit=10", None, 200),
    "enqueue_transfer": Call(
        "POST", "/transaction", transfer("source", "target"), 202, "respond-async"
    ),
    "transfer_or_enqueue": Call(
        "POST", "/transaction", transfer("source", "target"), 201, "respond-async, wait=2"
    ),
    "transfer_batch": Call(
        "POST",
        "/transaction/batch",
        {
            "transfers": [transfer("source", "target"), transfer("source", "source", "x")] * 3,
            "atomic": False,
        },
        200,
    ),
    "get_transfer_result settled": Call("GET", "/transaction/{transaction}", None, 200, "wait=10"),
    "ready": Call("GET", "/health/ready", None, 200),
}
REFUSED: dict[str, Call] = {
    "create_account invalid_email": Call("POST", "/account", {"email": ""}, 400),
    "get_account account_not_found": Call("GET", f"/account/{NOBODY}", None, 404),
    "deposit invalid_amount": Call("POST", "/account/{target}/payment", {"amount": 0}, 400),
    "deposit account_not_found": Call("POST", f"/account/{NOBODY}/payment", {"amount": 1}, 404),
    "deposit balance_limit_exceeded": Call("POST", "/account/{full}/payment", {"amount": 1}, 409),
    "transfer invalid_amount": Call("POST", "/transaction", transfer("source", "target", "0"), 400),
    "transfer same_account": Call("POST", "/transaction", transfer("source", "source"), 400),
    "transfer insufficient_funds": Call(
        "POST",
        "/transaction",
        transfer("source", "target", "100.01"),
        409,
    ),
    "transfer balance_limit_exceeded": Call(
        "POST", "/transaction", transfer("source", "full"), 409
    ),
    "withdraw insufficient_funds": Call(
        "POST",
        "/account/{source}/withdrawal",
        {"amount": "999999.99"},
        409,
    ),
    "reverse transaction_not_found": Call("POST", f"/transaction/{NOBODY}/reversal", None, 404),
    "get_statement account_not_found": Call("GET", f"/account/{NOBODY}/transaction", None, 404),
    "transfer_batch batch_too_large": Call(
        "POST",
        "/transaction/batch",
        {"transfers": [transfer("source", "target")] * 10_001, "atomic": False},
        400,
    ),
    "enqueue_transfer same_account": Call(
        "POST", "/transaction", transfer("source", "source"), 400, "respond-async"
    ),
    "enqueue_transfer account_not_found": Call(
        "POST",
        "/transaction",
        {**transfer("source", "target"), "target_account_id": NOBODY},
        404,
        "respond-async",
    ),
    "transfer_or_enqueue insufficient_funds": Call(
        "POST", "/transaction", transfer("source", "target", "100.01"), 409, "respond-async, wait=0"
    ),
    "get_transfer_result transaction_not_found": Call("GET", f"/transaction/{NOBODY}", None, 404),
}
KEYED = [name for name, call in DONE.items() if call.method == "POST"]
KEPT = [name for name, call in REFUSED.items() if call.method == "POST" and call.status != 400]
RAISED = [name for name, call in REFUSED.items() if call.status == 400]
UNASKED: dict[str, Call] = {
    "live": Call("GET", "/health/live", None, 200),
    "openapi": Call("GET", "/openapi.json", None, 200),
    "docs": Call("GET", "/docs", None, 200),
    "no page": Call("GET", "/account/{source}/transaction?limit=0", None, 400),
    "no id": Call("GET", "/account/0", None, 404),
    "no email": Call("POST", "/account", {"email": 1}, 400),
    "no amount": Call("POST", "/account/{target}/payment", {"amount": "1e2"}, 400),
    "no route": Call("GET", "/nowhere", None, 404),
    "no method": Call("DELETE", "/account/{source}", None, 405),
}


def fresh_keys() -> Iterator[str]:
    while True:
        yield str(uuid4())


def filled(value: Any, known: dict[str, Any]) -> Any:
    """A body with the wallets' ids in the place of their names."""
    if isinstance(value, dict):
        return {name: filled(member, known) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    return known.get(value, value) if isinstance(value, str) else value


def counted(wallets: Wallets, call: Call, keys: Iterator[str] | None = None) -> Counted:
    """What ROUNDS such requests come to, on a connection that has made one already."""
    known = dict(vars(wallets))
    method, path, body, status, prefer = call
    body = filled(body, known)
    before = Counted(0, 0)
    for number in range(1 + ROUNDS):
        if number == 1:
            before = wallets.count()
        if "{reversible}" in path and not (number and isinstance(keys, repeat)):
            known["reversible"] = next(wallets.reversible)
        headers = {"Prefer": prefer} if prefer else {}
        if keys:
            headers["Idempotency-Key"] = next(keys)
        response = wallets.client.request(method, path.format(**known), json=body, headers=headers)
        assert response.status_code == status, response.text
    after = wallets.count()
    return Counted(after.planned - before.planned, after.done - before.done)


@pytest.mark.parametrize("name", DONE)
def test_a_request_is_one_statement(wallets: Wallets, name: str) -> None:
    # What has no parameters is planned once, when the connection first hears of it.
    planned = 0 if name == "ready" else ROUNDS
    assert counted(wallets, DONE[name]) == Counted(planned, done=ROUNDS)


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_the_database_refuses_is_one_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, REFUSED[name]) == Counted(planned=ROUNDS, done=0)


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("name", KEYED)
def test_a_request_with_a_key_is_one_statement(wallets: Wallets, name: str, replayed: bool) -> None:
    keys = repeat(name) if replayed else fresh_keys()
    assert counted(wallets, DONE[name], keys) == Counted(planned=ROUNDS, done=ROUNDS)


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("name", KEPT)
def test_a_refusal_that_is_kept_with_its_key_is_one_statement(
    wallets: Wallets, name: str, replayed: bool
) -> None:
    keys = repeat(name) if replayed else fresh_keys()
    assert counted(wallets, REFUSED[name], keys) == Counted(planned=ROUNDS, done=ROUNDS)


@pytest.mark.parametrize("name", RAISED)
def test_a_refusal_that_is_not_kept_is_one_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, REFUSED[name], repeat(name)) == Counted(planned=ROUNDS, done=0)


def test_a_key_that_was_used_for_another_request_is_one_statement(wallets: Wallets) -> None:
    headers = {"Idempotency-Key": "used"}
    used = wallets.client.post("/account", json={"email": "b@b"}, headers=headers)
    assert used.status_code == 201
    for name in KEYED:
        counts = counted(wallets, DONE[name]._replace(status=422), repeat("used"))
        assert counts == Counted(planned=ROUNDS, done=0), name


@pytest.mark.parametrize("name", UNASKED)
def test_a_request_that_needs_no_database_is_no_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, UNASKED[name]) == Counted(planned=0, done=0)


def test_the_statement_calls_the_function_of_the_route(wallets: Wallets) -> None:
    requests: list[tuple[str, Iterator[str] | None]] = [
        (name, None) for name in DONE if name != "ready"
    ]
    for name, keys in [*requests, *((name, fresh_keys()) for name in KEYED)]:
        wallets.admin.execute(
            "SELECT pg_stat_statements_reset(0, d.oid) FROM pg_database d"
            " WHERE d.datname = current_database()"
        )
        counted(wallets, DONE[name], keys)
        rows = wallets.admin.execute(
            "SELECT query FROM pg_stat_statements WHERE toplevel"
            " AND userid = 'wallet_app'::regrole AND dbid ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()) AND query <> %s",
            (PROCESS_PENDING,),
        ).fetchall()
        assert len(rows) == 1, rows
        assert re.findall(r"wallet\.\w+\(", rows[0]["query"]) == [f"wallet.{name.split()[0]}("]
