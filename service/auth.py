"""Who calls: the API keys of clients, what each may do, and how many requests it may make.

A worker holds all valid keys in memory, as hashes. Every two seconds it asks the database for them,
so that a request costs no SQL of its own, whether its key is known or not.

Each route says where it is declared which scope it needs, as `ctx_scope`; None is for everybody.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from hashlib import sha256
from typing import Any

import asyncpg
from msgspec import Struct, structs
from sanic import HTTPResponse, Request, Sanic

from service.config import Settings
from service.connections import CONNECTION_ERRORS, Connection, Server
from service.errors import NOTHING_DONE, Problem
from service.limits import RATE_WINDOW
from service.statements import REFRESH_API_KEYS
from service.troubles import CANNOT_READ_KEYS

# In seconds: between two refreshes, between two tries while they fail, for one try, and for how
# long what was read holds. That leaves time for a second try, on a new connection.
_PAUSE, _PAUSE_IN_TROUBLE, _PATIENCE, _HOLDS = 2.0, 0.5, 1.0, 5.0
# The most values of Authorization that are remembered between two refreshes.
_MAX_REMEMBERED = 2000

_is_bearer = re.compile(r"bearer( .*)?", re.IGNORECASE | re.DOTALL).fullmatch
_credentials = re.compile(r"bearer +(pgw_[0-9a-f]{64}_[0-9a-f]{8})[ \t]*", re.IGNORECASE).fullmatch


class _Key(Struct):
    """A valid key."""

    id: int
    name: str
    scopes: frozenset[str]
    expires_at: float
    """In seconds since 1970; infinity for a key that never expires."""
    full_at: float = 0.0
    """When its bucket is full, if it asks for nothing more; on the monotonic clock."""


class ApiKeys:
    """A worker's memory of the valid keys."""

    def __init__(self, settings: Settings) -> None:
        quick = structs.replace(settings, pool_timeout=_PATIENCE, statement_timeout=_PATIENCE)
        # The day of a key's last use may be lost in a crash: a standby that is frozen must not
        # keep everybody out.
        self._server = Server(quick, "pgwallet keys", synchronous_commit="off")
        self._connection: Connection | None = None
        self._predecessor: int | None = None
        self._failed = False
        self._by_hash: dict[bytes, _Key] = {}
        # Values of the header Authorization that were found right since the last refresh.
        self._by_value: dict[str, _Key] = {}
        self._used: set[int] = set()
        self._holds_until = -math.inf

    async def refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE_IN_TROUBLE if self._failed else _PAUSE)
            await self.refresh()

    async def close(self) -> None:
        if self._connection:
            with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                await self._connection.raw.close(timeout=_PATIENCE)

    async def refresh(self) -> bool:
        """Read the valid keys, and record which were used. False if that fails."""
        began, used, self._used = time.monotonic(), self._used, set()
        try:
            if self._connection is None:
                self._connection = await self._server.connect(_PATIENCE, self._predecessor)
            arguments = ([str(id) for id in used],)
            rows = await self._connection.fetch(REFRESH_API_KEYS, arguments, _PATIENCE)
        except (Problem, asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
            self._used |= used
            self._failed = True
            if self._connection:
                self._predecessor = self._connection.pid
                self._server.leave(self._connection)
                self._connection = None
            if not isinstance(error, Problem):  # Else the log has said why.
                self._server.troubles.met(CANNOT_READ_KEYS, error)
            return False
        self._failed = False
        self._server.troubles.passed()
        known = {key.id: key for key in self._by_hash.values()}
        self._by_hash = {
            row["hash"]: known.get(row["id"])
            or _Key(
                row["id"],
                row["name"],
                frozenset(row["scopes"]),
                row["expires_at"].timestamp() if row["expires_at"] else math.inf,
            )
            for row in rows
        }
        self._by_value.clear()
        # From the beginning of the call: it did not see what was revoked since.
        self._holds_until = began + _HOLDS
        return True

    def find(self, values: list[str]) -> _Key:
        """The key that a request's Authorization names.

        Raises Problem: unauthorized, the same for a key that is unknown, expired or revoked; or
        database_unavailable if what was read of the keys is too old to tell.
        """
        value = values[0] if len(values) == 1 else ""
        key = self._by_value.get(value)
        if key is None:
            found = _credentials(value)
            if not found:
                raise _unauthorized(any(map(_is_bearer, values)))
            key = self._by_hash.get(sha256(found[1].encode()).digest())
        if time.monotonic() > self._holds_until:
            raise Problem("database_unavailable", f"The API keys cannot be read. {NOTHING_DONE}")
        if key is None or key.expires_at <= time.time():
            raise _unauthorized(True)
        if len(self._by_value) < _MAX_REMEMBERED:
            self._by_value[value] = key
        self._used.add(key.id)
        return key


def _unauthorized(has_token: bool) -> Problem:
    return Problem(
        "unauthorized",
        "The API key is not valid." if has_token else "There is no API key.",
        hint="Send a valid API key: Authorization: Bearer pgw_…",
        headers={"WWW-Authenticate": "Bearer" + ' error="invalid_token"' * has_token},
    )


def _forbidden(scope: str) -> Problem:
    return Problem(
        "forbidden",
        f"The API key lacks the scope {scope}.",
        hint="Use a key that has it.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def _take(key: _Key, rate: int) -> None:
    """Take a token out of a key's bucket, which holds those of RATE_WINDOW seconds.

    Raises Problem: rate_limited, if it is empty.
    """
    now = time.monotonic()
    full_at = max(key.full_at, now) + 1 / rate
    wait = full_at - now - RATE_WINDOW
    if wait > 0:
        raise Problem(
            "rate_limited",
            f"The API key makes more than {rate} requests a second.",
            hint="Try again after Retry-After seconds.",
            headers={"Retry-After": str(math.ceil(wait))},
        )
    key.full_at = full_at


def _rate_headers(key: _Key, rate: int) -> dict[str, str]:
    """As in the IETF's draft-ietf-httpapi-ratelimit-headers-10."""
    until_full = max(0.0, key.full_at - time.monotonic())
    left = int((RATE_WINDOW - until_full) * rate + 1e-6)
    return {
        "RateLimit-Policy": f'"key";q={rate * RATE_WINDOW};w={RATE_WINDOW}',
        "RateLimit": f'"key";r={max(0, left)};t={math.ceil(until_full)}',
    }


def require_keys(app: Sanic[Any, Any], settings: Settings) -> None:
    """Have every request checked for an API key that has its route's scope."""
    rate = settings.rate_limit

    @app.before_server_start
    async def read_keys(app: Sanic[Any, Any]) -> None:
        app.ctx.keys = keys = ApiKeys(settings)
        await keys.refresh()
        app.ctx.keys_task = asyncio.create_task(keys.refresh_for_ever())

    @app.after_server_stop
    async def forget_keys(app: Sanic[Any, Any]) -> None:
        app.ctx.keys_task.cancel()
        await app.ctx.keys.close()

    def guarded(handler: Callable[..., Any], scope: str) -> Callable[..., Any]:
        @wraps(handler)
        def guard(request: Request, **parameters: str) -> Any:
            key = request.app.ctx.keys.find(request.headers.getall("authorization", []))
            request.ctx.actor = key.name
            if rate:
                request.ctx.key = key
                _take(key, rate)
            if scope not in key.scopes:
                raise _forbidden(scope)
            return handler(request, **parameters)

        return guard

    # In each handler's place, since a middleware takes twice the time. Without a route it is 400,
    # 404 or 405, whoever asks.
    for route in app.router.routes:
        if route.ctx.scope is not None:
            route.handler = guarded(route.handler, route.ctx.scope)

    if rate:

        @app.on_response  # type: ignore[untyped-decorator]
        def say_rate(request: Request, response: HTTPResponse) -> None:
            if key := getattr(request.ctx, "key", None):
                response.headers.update(_rate_headers(key, rate))
