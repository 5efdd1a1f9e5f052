"""Who may call: each route with each kind of key, and what becomes of keys that change."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import NamedTuple

import httpx
import pytest

from service.app import create_app
from service.auth import ApiKeys
from service.config import Settings
from service.errors import Problem
from service.openapi import DOCUMENT
from tests.http.answers import problem
from tests.http.processes import OwnServer, running, wait_until
from tests.http.proxy import Proxy
from tests.support import databases
from tests.support.databases import Database
from tests.support.service import Service

SCOPES = ("read", "write", "operate")
ROUTES = {
    (method, re.sub(r"<\w+:\w+>", "1", f"/{route.path}")): route.ctx.scope
    for route in create_app(Settings("postgresql:///")).router.routes
    for method in route.methods
}
# For people, who look at pages with a browser; and what else anybody may ask for.
PAGES = {"/", "/guide", "/docs", "/console", "/pages/1"}
PUBLIC = {*PAGES, "/health/live", "/health/ready", "/openapi.json"}


def token(stem: str) -> str:
    """A key with a right checksum."""
    return f"{stem}_{sha256(stem.encode()).hexdigest()[:8]}"


UNKNOWN = token(f"pgw_{'0' * 64}")
MALFORMED = [
    *("Bearer", "Bearer x", "Bearer pgw_", f"Bearer {UNKNOWN[:-1]}0", f"Bearer {UNKNOWN * 20}"),
    *(f"Bearer {UNKNOWN}, {UNKNOWN}", f"Bearer {UNKNOWN.upper()}", "Bearer \xff"),
]
NO_TOKEN = ["Basic cm9vdDp4", UNKNOWN, f"Token {UNKNOWN}", ""]


def make_key(database: Database, name: str, *scopes: str, expires_in: str | None = None) -> str:
    (row,) = database.execute(
        "SELECT wallet.create_api_key(%s, %s, %s)", name, list(scopes), expires_in
    )
    return str(row["create_api_key"])


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class Guarded(NamedTuple):
    """A service that asks for keys, and keys by their names."""

    service: Service
    keys: dict[str, str]

    def status(self, key: str, path: str = "/account/1") -> int:
        """Of a request on a connection of its own."""
        url = f"{self.service.url}{path}"
        return httpx.get(url, headers=headers(key), verify=False).status_code


@contextmanager
def guarded_service(database: Database, keys: dict[str, str], **settings: str) -> Iterator[Guarded]:
    """A service that listens on all addresses, so that it asks for keys unless it is told not to.

    It reads the keys when it starts: what is made before is known at once.
    """
    with running(database, WALLET_HOST="0.0.0.0", **settings) as service:
        yield Guarded(service, keys)


@pytest.fixture(scope="module")
def guarded(template: Database) -> Iterator[Guarded]:
    """When its tests are over, no key stands in its log."""
    database = databases.create(template.server, template.name)
    keys = {scope: make_key(database, scope, scope) for scope in SCOPES}
    keys["stranger"] = make_key(database, "stranger", "write")
    keys["revoked"] = make_key(database, "revoked", *SCOPES)
    keys["expired"] = make_key(database, "expired", *SCOPES, expires_in="1 us")
    database.execute("SELECT wallet.revoke_api_key(id) FROM wallet.api_key WHERE name = 'revoked'")
    database.execute("SELECT wallet.create_account('ada@example.com')")
    with guarded_service(database, keys, WALLET_ACCESS_LOG="true") as guarded:
        yield guarded
        log = guarded.service.log.read_text()
    databases.drop(database)
    assert "method=GET path=/account/1 status=401" in log
    assert "WALLET_AUTH is off" not in log
    for key in (*keys.values(), UNKNOWN):
        assert key[4:68] not in log


def test_the_document_has_the_application_s_routes_and_no_others_each_with_its_scope() -> None:
    documented = {
        (method.upper(), path.replace("{id}", "1")): operation.get("security")
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert documented == {
        route: [{"key": [scope]}] if scope else None
        for route, scope in ROUTES.items()
        if route[1] not in {*PAGES, "/metrics"}
    }
    assert {path for (_, path), scope in ROUTES.items() if scope is None} == PUBLIC
    assert {scope for scope in ROUTES.values() if scope} == set(SCOPES)


def test_each_route_with_each_key(guarded: Guarded) -> None:
    client, keys = guarded.service.client, guarded.keys
    for (method, path), scope in ROUTES.items():
        bodies = []
        for name in (None, "revoked", "expired", "unknown", *SCOPES):
            key = keys.get(name or "", UNKNOWN)
            response = client.request(method, path, headers=headers(key) if name else {})
            case = (method, path, name, response.text)
            if scope is None or name == scope:
                assert response.status_code not in (401, 403, 429, 503), case
            elif name in SCOPES:
                assert scope in problem(response, "forbidden")["detail"], case
                assert f'scope="{scope}"' in response.headers["WWW-Authenticate"]
            else:
                said = problem(response, "unauthorized")
                error = ' error="invalid_token"' if name else ""
                assert response.headers["WWW-Authenticate"] == f"Bearer{error}", case
                if name:
                    bodies.append({**said, "instance": ""})
        # Nobody learns whether a key was ever valid.
        assert all(body == bodies[0] for body in bodies)
    for sent in ({}, headers(UNKNOWN), headers(keys["read"])):
        problem(client.get("/nowhere", headers=sent), "not_found")
        problem(client.put("/account", headers=sent), "method_not_allowed")


def test_what_is_no_key_is_401_for_every_scope(guarded: Guarded) -> None:
    for values, error in (
        *(([value], ' error="invalid_token"') for value in MALFORMED),
        *(([value], "") for value in NO_TOKEN),
        ([f"Bearer {guarded.keys['read']}"] * 2, ' error="invalid_token"'),
    ):
        for path in ("/account/1", "/audit"):
            sent = [(b"authorization", value.encode("latin-1")) for value in values]
            response = guarded.service.client.get(path, headers=sent)
            problem(response, "unauthorized")
            assert response.headers["WWW-Authenticate"] == f"Bearer{error}", values
    for right in ("bearer {}", "BEARER  {}"):
        sent = [(b"authorization", right.format(guarded.keys["read"]).encode())]
        assert guarded.service.client.get("/account/1", headers=sent).status_code == 200


def test_what_is_done_has_the_name_of_the_api_key_and_so_has_an_idempotency_key(
    guarded: Guarded,
) -> None:
    client, database = guarded.service.client, guarded.service.database
    for verb in ("freeze", "unfreeze"):
        sent = headers(guarded.keys["operate"])
        assert client.post(f"/account/1/{verb}", json={}, headers=sent).is_success
    logged = database.execute("SELECT actor FROM wallet.event_log WHERE account_id = 1")
    assert [row["actor"] for row in logged] == ["operate"] * 2
    paid = []
    for name in ("write", "stranger", "write"):
        sent = {**headers(guarded.keys[name]), "Idempotency-Key": "k"}
        paid.append(client.post("/account/1/payment", json={"amount": "1"}, headers=sent))
        assert (paid[-1].status_code, paid[-1].json()["actor"]) == (201, name)
    ids = [response.json()["id"] for response in paid]
    assert ids[0] == ids[2] != ids[1]
    assert ["Idempotency-Replayed" in response.headers for response in paid] == [False, False, True]


def within_5_seconds(is_so: Callable[[], bool]) -> None:
    """Ask until it is so. Whatever this machine is busy with, what is asked later than in 5 seconds
    must find it so.
    """
    last = asked = time.monotonic() + 5
    while not is_so():
        assert asked <= last
        asked = time.monotonic()


def test_a_key_is_dead_within_5_seconds_and_its_last_use_is_known(guarded: Guarded) -> None:
    database = guarded.service.database
    rotated = [make_key(database, "rotated", "read") for _ in "12"]
    within_5_seconds(lambda: {*map(guarded.status, rotated)} == {200})
    used = "SELECT id FROM wallet.api_key WHERE name = 'rotated' AND last_used_on IS NOT NULL"
    wait_until(lambda: len(database.execute(used)) == 2, "the use is recorded")
    database.execute(
        "SELECT wallet.revoke_api_key(min(id)) FROM wallet.api_key WHERE name = 'rotated'"
    )
    within_5_seconds(lambda: guarded.status(rotated[0]) != 200)
    wait_until(lambda: guarded.status(rotated[0]) == 401, "it is refused")
    assert guarded.status(rotated[1]) == 200


def test_while_keys_cannot_be_read_nobody_is_let_in_and_then_everybody_again(
    own: tuple[OwnServer, Database],
) -> None:
    server, database = own
    key, once = (make_key(database, name, "read") for name in ("shop", "once"))
    with guarded_service(database, {}) as guarded:
        service = guarded.service
        assert guarded.status(key, "/account?email=a@b") == 200
        assert guarded.status(once) == 404
        server.stop()
        stale = "The API keys cannot be read"
        asked = service.client.get
        wait_until(lambda: stale in asked("/account/1", headers=headers(key)).text, "it is stale")
        problem(asked("/account/1", headers=headers(UNKNOWN)), "database_unavailable")
        problem(asked("/account/1"), "unauthorized")
        server.start()
        wait_until(lambda: guarded.status(key, "/account?email=a@b") == 200, "it is well")
        again = "reading the API keys again, after"
        wait_until(lambda: again in service.log.read_text(), "the log says that it is over")
        assert 1 <= service.log.read_text().count("cannot read the API keys: ") <= 2
        unused = "SELECT name FROM wallet.api_key WHERE last_used_on IS NULL"
        wait_until(lambda: not database.execute(unused), "what was used before is recorded")


def test_a_key_that_asks_too_often_is_429_and_holds_up_no_other(database: Database) -> None:
    keys = {name: make_key(database, name, "read") for name in ("eager", "calm")}
    with guarded_service(database, keys, WALLET_RATE_LIMIT="1") as guarded:
        get = guarded.service.client.get
        asked = [get("/audit", headers=headers(keys["eager"])) for _ in range(50)]
        assert [response.status_code for response in asked[:10]] == [403] * 10
        limited = next(response for response in asked if response.status_code == 429)
        assert "1 requests" in problem(limited, "rate_limited")["detail"]
        assert limited.headers["RateLimit-Policy"] == '"key";q=10;w=10'
        assert re.fullmatch(r'"key";r=0;t=\d+', limited.headers["RateLimit"])
        calm = get("/account/1", headers=headers(keys["calm"]))
        assert calm.status_code == 404
        assert re.fullmatch(r'"key";r=[5-9];t=\d+', calm.headers["RateLimit"])
        assert "RateLimit" not in get("/health/live").headers


def test_what_is_remembered_outlives_a_refresh_is_bounded_and_expires(database: Database) -> None:
    value = f"Bearer {make_key(database, 'shop', 'read')}"

    async def refreshed_twice() -> None:
        keys = ApiKeys(Settings(database.url("wallet_app")))
        assert await keys.refresh()
        key = keys.find([value])
        for spaces in range(3000):
            assert keys.find([value + " " * spaces]) is key
        assert len(keys._by_value) <= 2000
        again = asyncio.create_task(keys.refresh())
        await asyncio.sleep(0)  # It has begun. What is revoked from now on, it may not see.
        begun = time.monotonic()
        assert await again
        assert keys._holds_until <= begun + 5
        assert keys.find([value]) is key
        key.expires_at = time.time()  # It is looked at whenever the key is used.
        with pytest.raises(Problem, match="not valid"):
            keys.find([value])
        await keys.close()

    asyncio.run(refreshed_twice())


def test_keys_are_read_again_before_they_are_too_old_though_a_connection_falls_silent(
    database: Database,
) -> None:
    async def is_read_again() -> bool:
        with Proxy(database) as proxy:
            keys = ApiKeys(Settings(proxy.url))
            assert await keys.refresh()
            assert keys._connection
            end = keys._connection.raw._transport.get_extra_info("socket")
            # The system finds out by itself that nobody answers an idle connection.
            assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 30
            first = keys._holds_until
            proxy.swallow()
            with suppress(TimeoutError):
                await asyncio.wait_for(keys.refresh_for_ever(), 4.8)
            await keys.close()
            return keys._holds_until > first

    # Once is enough: on a busy machine any of them may be late.
    assert any(asyncio.run(is_read_again()) for _ in range(5))


def test_who_needs_no_key_on_every_address_is_warned(database: Database) -> None:
    with guarded_service(database, {}, WALLET_AUTH="off") as guarded:
        problem(guarded.service.client.get("/account/1"), "account_not_found")
        assert "WALLET_AUTH is off" in guarded.service.log.read_text()
