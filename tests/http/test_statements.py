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

from service.settler import SETTLE
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
            (SETTLE,),
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


# Members that name a wallet are filled in once there is one.
DONE: dict[str, tuple[str, str, Any, int]] = {
    "create_account": ("POST", "/account", {"email": "a@b"}, 201),
    "get_account": ("GET", "/account/{source}", None, 200),
    "deposit": ("POST", "/account/{target}/payment", {"amount": "0.01"}, 201),
    "transfer": ("POST", "/transaction", transfer("source", "target"), 201),
    "get_outcome": ("GET", "/transaction/{transaction}", None, 200),
    "withdraw": ("POST", "/account/{target}/withdrawal", {"amount": "0.01"}, 201),
    "reverse": ("POST", "/transaction/{reversible}/reversal", None, 201),
    "find_accounts": ("GET", "/account?email=ada@example.com", None, 200),
    "get_statement": ("GET", "/account/{target}/transaction?limit=10", None, 200),
    "ready": ("GET", "/health/ready", None, 200),
}
REFUSED: dict[str, tuple[str, str, Any, int]] = {
    "create_account invalid_email": ("POST", "/account", {"email": ""}, 400),
    "get_account account_not_found": ("GET", f"/account/{NOBODY}", None, 404),
    "deposit invalid_amount": ("POST", "/account/{target}/payment", {"amount": 0}, 400),
    "deposit account_not_found": ("POST", f"/account/{NOBODY}/payment", {"amount": 1}, 404),
    "deposit balance_limit_exceeded": ("POST", "/account/{full}/payment", {"amount": 1}, 409),
    "transfer invalid_amount": ("POST", "/transaction", transfer("source", "target", "0"), 400),
    "transfer same_account": ("POST", "/transaction", transfer("source", "source"), 400),
    "transfer insufficient_funds": (
        "POST",
        "/transaction",
        transfer("source", "target", "100.01"),
        409,
    ),
    "transfer balance_limit_exceeded": ("POST", "/transaction", transfer("source", "full"), 409),
    "withdraw insufficient_funds": (
        "POST",
        "/account/{source}/withdrawal",
        {"amount": "999999.99"},
        409,
    ),
    "reverse transaction_not_found": ("POST", f"/transaction/{NOBODY}/reversal", None, 404),
    "get_statement account_not_found": ("GET", f"/account/{NOBODY}/transaction", None, 404),
    "get_outcome transaction_not_found": ("GET", f"/transaction/{NOBODY}", None, 404),
}
KEYED = [name for name, (method, *_) in DONE.items() if method == "POST"]
KEPT = [
    name for name, (method, *_, status) in REFUSED.items() if method == "POST" and status != 400
]
RAISED = [name for name, (*_, status) in REFUSED.items() if status == 400]
UNASKED: dict[str, tuple[str, str, Any, int]] = {
    "live": ("GET", "/health/live", None, 200),
    "openapi": ("GET", "/openapi.json", None, 200),
    "docs": ("GET", "/docs", None, 200),
    "no page": ("GET", "/account/{source}/transaction?limit=0", None, 400),
    "no id": ("GET", "/account/0", None, 404),
    "no email": ("POST", "/account", {"email": 1}, 400),
    "no amount": ("POST", "/account/{target}/payment", {"amount": "1e2"}, 400),
    "no route": ("GET", "/nowhere", None, 404),
    "no method": ("DELETE", "/account/{source}", None, 405),
}


def fresh_keys() -> Iterator[str]:
    while True:
        yield str(uuid4())


def counted(
    wallets: Wallets,
    method: str,
    path: str,
    json: Any,
    status: int,
    keys: Iterator[str] | None = None,
) -> Counted:
    """What ROUNDS such requests come to, on a connection that has made one already."""
    known = dict(vars(wallets))
    body = json and {
        name: known[value] if isinstance(value, str) and value in known else value
        for name, value in json.items()
    }
    before = Counted(0, 0)
    for number in range(1 + ROUNDS):
        if number == 1:
            before = wallets.count()
        if "{reversible}" in path and not (number and isinstance(keys, repeat)):
            known["reversible"] = next(wallets.reversible)
        headers = {"Idempotency-Key": next(keys)} if keys else {}
        response = wallets.client.request(method, path.format(**known), json=body, headers=headers)
        assert response.status_code == status, response.text
    after = wallets.count()
    return Counted(after.planned - before.planned, after.done - before.done)


@pytest.mark.parametrize("name", DONE)
def test_a_request_is_one_statement(wallets: Wallets, name: str) -> None:
    # What has no parameters is planned once, when the connection first hears of it.
    planned = 0 if name == "ready" else ROUNDS
    assert counted(wallets, *DONE[name]) == Counted(planned, done=ROUNDS)


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_the_database_refuses_is_one_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, *REFUSED[name]) == Counted(planned=ROUNDS, done=0)


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("name", KEYED)
def test_a_request_with_a_key_is_one_statement(wallets: Wallets, name: str, replayed: bool) -> None:
    keys = repeat(name) if replayed else fresh_keys()
    assert counted(wallets, *DONE[name], keys) == Counted(planned=ROUNDS, done=ROUNDS)


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("name", KEPT)
def test_a_refusal_that_is_kept_with_its_key_is_one_statement(
    wallets: Wallets, name: str, replayed: bool
) -> None:
    keys = repeat(name) if replayed else fresh_keys()
    assert counted(wallets, *REFUSED[name], keys) == Counted(planned=ROUNDS, done=ROUNDS)


@pytest.mark.parametrize("name", RAISED)
def test_a_refusal_that_is_not_kept_is_one_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, *REFUSED[name], repeat(name)) == Counted(planned=ROUNDS, done=0)


def test_a_key_that_was_used_for_another_request_is_one_statement(wallets: Wallets) -> None:
    headers = {"Idempotency-Key": "used"}
    used = wallets.client.post("/account", json={"email": "b@b"}, headers=headers)
    assert used.status_code == 201
    for name in KEYED:
        method, path, json, _ = DONE[name]
        counts = counted(wallets, method, path, json, 422, repeat("used"))
        assert counts == Counted(planned=ROUNDS, done=0), name


@pytest.mark.parametrize("name", UNASKED)
def test_a_request_that_needs_no_database_is_no_statement(wallets: Wallets, name: str) -> None:
    assert counted(wallets, *UNASKED[name]) == Counted(planned=0, done=0)


def test_the_statement_calls_the_function_of_the_route(wallets: Wallets) -> None:
    requests: list[tuple[str, Iterator[str] | None]] = [
        (name, None) for name in DONE if name != "ready"
    ]
    for name, keys in [*requests, *((name, fresh_keys()) for name in KEYED)]:
        wallets.admin.execute(
            "SELECT pg_stat_statements_reset(0, d.oid) FROM pg_database d"
            " WHERE d.datname = current_database()"
        )
        counted(wallets, *DONE[name], keys)
        rows = wallets.admin.execute(
            "SELECT query FROM pg_stat_statements WHERE toplevel"
            " AND userid = 'wallet_app'::regrole AND dbid ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()) AND query <> %s",
            (SETTLE,),
        ).fetchall()
        assert len(rows) == 1, rows
        assert re.findall(r"wallet\.\w+\(", rows[0]["query"]) == [f"wallet.{name.split()[0]}("]
