"""Each request is exactly one SQL statement, as PostgreSQL counts them.

test_groups.py shows that a group of requests is one, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from httpx import Client

from tests.http.conftest import Owner
from tests.http.processes import open_wallet, running
from tests.support import databases
from tests.support.databases import Database

ROUNDS = 3
NOBODY = 2**63 - 1
OF_THE_SERVICE = """
    FROM pg_stat_statements s
    WHERE s.toplevel AND s.userid = 'wallet_app'::regrole
    AND s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    AND s.query NOT LIKE 'SELECT wallet.process_pending%'
    AND s.query NOT LIKE 'SELECT wallet.expire_holds%'
    AND s.query NOT LIKE '%FROM wallet.refresh_api_keys%'
"""


class Counted(NamedTuple):
    """Statements of wallet_app. One that fails is planned, and then counted no further."""

    planned: int
    done: int


class Wallets(NamedTuple):
    client: Client
    admin: Owner
    source: int
    target: int
    frozen: int
    transaction: int
    reversible: Iterator[int]
    """Payments that have not been reversed."""

    def statements(self) -> Counted:
        planned = "coalesce(sum(s.plans), 0) AS planned, coalesce(sum(s.calls), 0) AS done"
        (row,) = self.admin.execute(f"SELECT {planned} {OF_THE_SERVICE}".encode()).fetchall()
        return Counted(int(row["planned"]), int(row["done"]))


# Each of fifty calls at once waits for one connection, on a busy machine too.
SETTINGS = {"WALLET_POOL_SIZE": "5", "WALLET_POOL_TIMEOUT": "50", "WALLET_AUTH": "required"}


@pytest.fixture(scope="module")
def wallets(template: Database) -> Iterator[Wallets]:
    """A service with one connection for each kind of call, and wallets to ask about."""
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
        scopes = "'{read,write,operate}'"
        key = admin.execute(f"SELECT wallet.create_api_key('k', {scopes}) AS k".encode()).fetchone()
        assert key
        with running(database, **SETTINGS) as service:
            service.client.headers["Authorization"] = f"Bearer {key['k']}"
            source, target = open_wallet(service.client), open_wallet(service.client)
            frozen = open_wallet(service.client)
            payments = [
                service.client.post(f"/account/{target}/payment", json={"amount": "1"}).json()["id"]
                for _ in range(6 * (1 + ROUNDS))
            ]
            yield Wallets(
                *(service.client, admin, source, target, frozen, payments.pop()),
                iter(payments),
            )
    databases.drop(database)


class Call(NamedTuple):
    """A request. Names of wallets stand in for their ids."""

    method: str
    path: str
    json: Any
    status: int
    prefer: str = ""


def move(source: Any, target: Any, status: int, amount: str = "0.01", prefer: str = "") -> Call:
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    return Call("POST", "/transaction", body, status, prefer)


def pay(id: object, status: int, amount: object = "0.01", way: str = "payment") -> Call:
    return Call("POST", f"/account/{id}/{way}", {"amount": amount}, status)


ITEMS = [move("source", "target", 0).json, move("source", "source", 0, "x").json] * 3
# What succeeds, by the function that is called.
DONE: dict[str, Call] = {
    "create_account": Call("POST", "/account", {"email": "a@b"}, 201),
    "get_account": Call("GET", "/account/{source}", None, 200),
    "deposit": pay("{target}", 201),
    "withdraw": pay("{target}", 201, way="withdrawal"),
    "hold": pay("{target}", 201, way="hold"),
    "transfer": move("source", "target", 201),
    "reverse": Call("POST", "/transaction/{reversible}/reversal", {}, 201),
    "describe_transaction": Call("GET", "/transaction/{transaction}", None, 200),
    "describe_transaction waiting": Call("GET", "/transaction/{transaction}", None, 200, "wait=10"),
    "find_accounts": Call("GET", "/account?email=ada@example.com", None, 200),
    "find_transactions": Call("GET", "/transaction?reference=x", None, 200),
    "get_holds": Call("GET", "/account/{target}/hold", None, 200),
    "get_statement": Call("GET", "/account/{target}/transaction?limit=10", None, 200),
    "freeze_account": Call("POST", "/account/{frozen}/freeze", {}, 200),
    "unfreeze_account": Call("POST", "/account/{frozen}/unfreeze", {}, 200),
    "set_email": Call("PUT", "/account/{frozen}/email", {"email": "a@b"}, 200),
    "set_limits": Call("PUT", "/account/{frozen}/limits", {}, 200),
    "annotate_account": Call("PUT", "/account/{frozen}/annotation", {}, 200),
    "audit": Call("GET", "/audit", None, 200),
    "get_queue": Call("GET", "/queue", None, 200),
    "get_account_waits": Call("GET", "/wait", None, 200),
    "version": Call("GET", "/version", None, 200),
    "enqueue_transfer": move("source", "target", 202, prefer="respond-async"),
    "transfer_or_enqueue": move("source", "target", 201, prefer="respond-async, wait=2"),
    "transfer_batch": Call(
        "POST", "/transaction/batch", {"transfers": ITEMS, "atomic": False}, 200
    ),
}
WITHOUT_PARAMETERS = {"get_queue", "get_account_waits", "version"}
KEYED = [name for name, call in DONE.items() if call.method == "POST" and "freeze" not in name]
# Of an operation, the function returns its refusal, but for one of the arguments.
REFUSED = [
    pay("{target}", 400, 0),
    pay(NOBODY, 404),
    pay("{source}", 409, "999999.99", "hold"),
    move("source", "target", 409, "100.01"),
    Call("POST", f"/transaction/{NOBODY}/reversal", {}, 404),
    Call("GET", f"/account/{NOBODY}/transaction", None, 404),
    Call("GET", f"/transaction/{NOBODY}", None, 404),
    Call("POST", "/transaction/{transaction}/cancel", {}, 409),
    move("source", "source", 400, prefer="respond-async"),
    move("source", NOBODY, 404, prefer="respond-async"),
    move("source", "target", 409, "100.01", "respond-async, wait=0"),
]
UNASKED = [
    Call("GET", "/health/live", None, 200),
    Call("GET", "/openapi.json", None, 200),
    Call("GET", "/docs", None, 200),
    Call("GET", "/account/{source}/transaction?limit=0", None, 400),
    Call("GET", "/account/0", None, 404),
    Call("POST", "/account", {"email": 1}, 400),
    pay("{target}", 400, "1e2"),
    Call("GET", "/nowhere", None, 404),
    Call("DELETE", "/account/{source}", None, 405),
]


def filled(value: Any, known: dict[str, Any]) -> Any:
    """A body with the wallets' ids in the place of their names."""
    if isinstance(value, dict):
        return {name: filled(member, known) for name, member in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    return known.get(value, value) if isinstance(value, str) else value


def counted(wallets: Wallets, call: Call, keys: Iterator[str] | None = None) -> Counted:
    """What ROUNDS such requests come to, on a connection that has made one already."""
    known = wallets._asdict()
    method, path, body, status, prefer = call
    body = filled(body, known)
    before = Counted(0, 0)
    for number in range(1 + ROUNDS):
        if number == 1:
            before = wallets.statements()
        if "{reversible}" in path and not (number and isinstance(keys, repeat)):
            known["reversible"] = next(wallets.reversible)
        headers = {"Prefer": prefer} if prefer else {}
        if keys:
            headers["Idempotency-Key"] = next(keys)
        response = wallets.client.request(method, path.format(**known), json=body, headers=headers)
        assert response.status_code == status, response.text
    after = wallets.statements()
    return Counted(after.planned - before.planned, after.done - before.done)


def test_a_request_is_one_statement_that_calls_the_function_of_the_route(wallets: Wallets) -> None:
    for name, call in DONE.items():
        for keys in (None, map(str, iter(uuid4, None)), repeat(name)) if name in KEYED else (None,):
            wallets.admin.execute(
                "SELECT pg_stat_statements_reset(0, d.oid) FROM pg_database d"
                " WHERE d.datname = current_database()"
            )
            # What has no parameters is planned once, when the connection first hears of it.
            planned = 0 if name in WITHOUT_PARAMETERS else ROUNDS
            assert counted(wallets, call, keys) == Counted(planned, done=ROUNDS), name
            sent = wallets.admin.execute(f"SELECT s.query {OF_THE_SERVICE}".encode()).fetchall()
            # What callers said of an account comes with it.
            called = [
                re.findall(r"wallet\.(?!get_annotation)(\w+)\(", row["query"]) for row in sent
            ]
            assert called == [[name.split()[0]]], sent
    ready = Call("GET", "/health/ready", None, 200)
    assert counted(wallets, ready) == Counted(planned=0, done=ROUNDS)


def test_a_request_that_is_refused_is_one_statement(wallets: Wallets) -> None:
    for number, call in enumerate(REFUSED):
        posts = call.method == "POST" and "cancel" not in call.path
        done = ROUNDS if posts and call.status != 400 else 0
        for keys in (
            (None, map(str, iter(uuid4, None)), repeat(f"refused {number}")) if posts else (None,)
        ):
            assert counted(wallets, call, keys) == Counted(ROUNDS, done), call[:2]


def test_a_key_that_was_used_for_another_request_is_one_statement(wallets: Wallets) -> None:
    headers = {"Idempotency-Key": "used"}
    used = wallets.client.post("/account", json={"email": "b@b"}, headers=headers)
    assert used.status_code == 201
    for name in KEYED:
        counts = counted(wallets, DONE[name]._replace(status=422), repeat("used"))
        assert counts == Counted(planned=ROUNDS, done=0), name


def test_a_request_that_needs_no_database_is_no_statement(wallets: Wallets) -> None:
    for call in UNASKED:
        assert counted(wallets, call) == Counted(planned=0, done=0), call


def test_200_requests_at_once_are_200_statements_and_none_if_their_key_is_unknown(
    wallets: Wallets,
) -> None:
    unknown = {"Authorization": "Bearer x"}
    for headers, status, done in (({}, 200, 200), (unknown, 401, 0)):
        before = wallets.statements()
        ask = partial(wallets.client.get, headers=headers)
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(ask, [f"/account/{wallets.source}"] * 200))
        assert {answer.status_code for answer in answers} == {status}
        assert wallets.statements().done - before.done == done
