"""A wallet service of the usual kind: it moves the money itself, in a transaction of its own.

It writes the same tables as the functions do, entries and balances included. It locks the rows
explicitly, in the request's order, and answers 503 when PostgreSQL breaks a deadlock.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import asyncpg
from aiohttp import web

POOL: web.AppKey[asyncpg.Pool] = web.AppKey("pool")
CENT = Decimal("0.01")
LIMIT = Decimal("999999.99")
AMOUNT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")

LOCK = "SELECT balance, mtime FROM wallet.account WHERE id = $1 FOR UPDATE"
UPDATE = """
UPDATE wallet.account SET balance = balance + $2, entry_count = entry_count + 1, mtime = $3
WHERE id = $1 RETURNING balance, entry_count
"""
INSERT = """
INSERT INTO wallet.transaction
    (source_account_id, target_account_id, amount, ctime,
     source_entry, target_entry, source_balance, target_balance)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id
"""
GET_ACCOUNT = "SELECT id, email, balance, ctime FROM wallet.account WHERE id = $1"
GET_TRANSACTION = """
SELECT id, source_account_id, target_account_id, amount, ctime
FROM wallet.transaction WHERE id = $1
"""
GET_STATEMENT = """
SELECT e.entry, e.transaction_id, e.amount, e.balance, e.ctime
FROM wallet.entry e WHERE e.account_id = $1 ORDER BY e.entry DESC LIMIT 50
"""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def plain(value: object) -> object:
    """Money as a string, times in ISO 8601: what JSON has no type for."""
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    raise TypeError(type(value))


def answer(payload: object, status: int = 200) -> web.Response:
    return web.json_response(text=json.dumps(payload, default=plain), status=status)


@web.middleware
async def answer_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Refused as refused:
        return answer({"code": refused.code}, refused.status)
    except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
        return answer({"code": "busy"}, 503)


async def read_transfer(request: web.Request) -> tuple[int, int, Decimal]:
    """The body's two accounts and its amount, rounded. Raises Refused."""
    if request.content_type != "application/json":
        raise Refused(415, "unsupported_media_type")
    try:
        body = json.loads(await request.text(), parse_float=Decimal)
    except ValueError:
        raise Refused(400, "invalid_request") from None
    members = {"source_account_id", "target_account_id", "amount"}
    if not isinstance(body, dict) or body.keys() != members:
        raise Refused(400, "invalid_request")
    source, target, amount = (
        body["source_account_id"],
        body["target_account_id"],
        body["amount"],
    )
    for id in (source, target):
        if type(id) is not int or not 1 <= id < 2**63:
            raise Refused(400, "invalid_request")
    if type(amount) not in (int, str, Decimal) or not AMOUNT.fullmatch(str(amount)):
        raise Refused(400, "invalid_amount")
    amount = Decimal(amount).quantize(CENT, ROUND_HALF_UP)
    if not CENT <= amount <= LIMIT:
        raise Refused(400, "invalid_amount")
    if source == target:
        raise Refused(400, "same_account")
    return source, target, amount


async def transfer(request: web.Request) -> web.Response:
    source_id, target_id, amount = await read_transfer(request)
    async with request.app[POOL].acquire() as connection, connection.transaction():
        source = await connection.fetchrow(LOCK, source_id)
        if source is None:
            raise Refused(404, "account_not_found")
        target = await connection.fetchrow(LOCK, target_id)
        if target is None:
            raise Refused(404, "account_not_found")
        if source["balance"] < amount:
            raise Refused(409, "insufficient_funds")
        if target["balance"] + amount > LIMIT:
            raise Refused(409, "balance_limit_exceeded")
        now = datetime.now(UTC)
        ctime = max(now, source["mtime"], target["mtime"])
        source = await connection.fetchrow(UPDATE, source_id, -amount, ctime)
        target = await connection.fetchrow(UPDATE, target_id, amount, ctime)
        id = await connection.fetchval(
            INSERT,
            source_id,
            target_id,
            amount,
            ctime,
            source["entry_count"],
            target["entry_count"],
            source["balance"],
            target["balance"],
        )
    made = {
        "id": id,
        "source_account_id": source_id,
        "target_account_id": target_id,
        "amount": amount,
        "ctime": ctime,
    }
    return answer(made, 201)


async def get_account(request: web.Request) -> web.Response:
    row = await request.app[POOL].fetchrow(GET_ACCOUNT, int(request.match_info["id"]))
    if row is None:
        raise Refused(404, "account_not_found")
    return answer(dict(row))


async def get_transaction(request: web.Request) -> web.Response:
    row = await request.app[POOL].fetchrow(GET_TRANSACTION, int(request.match_info["id"]))
    if row is None:
        raise Refused(404, "transaction_not_found")
    return answer(dict(row))


async def get_statement(request: web.Request) -> web.Response:
    rows = await request.app[POOL].fetch(GET_STATEMENT, int(request.match_info["id"]))
    return answer({"items": [dict(row) for row in rows]})


async def ready(request: web.Request) -> web.Response:
    await request.app[POOL].fetchval("SELECT 1")
    return answer({"status": "ready"})


def create_app(database_url: str, pool_size: int) -> web.Application:
    """Make the application, with a pool of at most so many connections."""

    async def pool(app: web.Application) -> Any:
        async with asyncpg.create_pool(database_url, max_size=pool_size, min_size=1) as opened:
            app[POOL] = opened
            yield

    app = web.Application(middlewares=[answer_errors])
    app.cleanup_ctx.append(pool)
    app.add_routes(
        [
            web.post("/transaction", transfer),
            web.get("/account/{id:[0-9]{1,18}}", get_account),
            web.get("/transaction/{id:[0-9]{1,18}}", get_transaction),
            web.get("/account/{id:[0-9]{1,18}}/transaction", get_statement),
            web.get("/health/ready", ready),
        ]
    )
    return app
