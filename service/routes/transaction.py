"""/transaction: move money between wallets, read what was moved, take it back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
from sanic import Blueprint, HTTPResponse, Request

from service import schemas
from service.database import replayed
from service.errors import Problem, problem_object, refusal
from service.prefer import applied, at_most, preferences
from service.responses import json_response
from service.schemas import (
    BATCH_BODY_LIMIT,
    Transaction,
    idempotency_key,
    path_id,
    read_body,
    receive_body,
)

blueprint = Blueprint("transaction")

MOST_WAIT = 30.0
"""How many seconds a GET waits at the most for a transaction to be settled."""

# Pauses in seconds between two looks at a transaction that is pending.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


@blueprint.post("/transaction")
async def transfer(request: Request) -> HTTPResponse:
    arguments = read_body(
        request,
        source_account_id=schemas.account_id,
        target_account_id=schemas.account_id,
        amount=schemas.amount,
    )
    database, settings = request.app.ctx.database, request.app.ctx.settings
    key, preferred = idempotency_key(request), preferences(request)
    heeded: list[str] = ["respond-async"] if preferred.respond_async else []
    if settings.settle_mode == "strict" or (preferred.respond_async and preferred.wait is None):
        row = await database.enqueue_transfer(*arguments, key)
    elif preferred.respond_async and preferred.wait is not None:
        wait = at_most(preferred.wait, settings.most_wait)
        row = await database.transfer_or_enqueue(*arguments, wait, key)
        heeded = [*(heeded if row["state"] == "pending" else []), applied(wait)]
    else:
        row = await database.transfer(*arguments, key)
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    if heeded:
        headers["Preference-Applied"] = ", ".join(heeded)
    return json_response(
        request, 202 if transaction.state == "pending" else 201, transaction, headers
    )


# Its body is larger than any other: it is read here, and not before the handler is called.
@blueprint.post("/transaction/batch", stream=True)
async def transfer_batch(request: Request) -> HTTPResponse:
    await receive_body(request, BATCH_BODY_LIMIT)
    # In a thread, since 10 000 take a tenth of a second, in which others want to be answered.
    transfers, atomic = await asyncio.to_thread(
        read_body, request, transfers=schemas.transfers, atomic=schemas.boolean
    )
    rows = await request.app.ctx.database.transfer_batch(
        [transfer.source_account_id for transfer in transfers],
        [transfer.target_account_id for transfer in transfers],
        # What cannot be read is NULL, which is refused as no amount; to a key, all such are one.
        [None if isinstance(t.amount, Problem) else t.amount for t in transfers],
        atomic,
        idempotency_key(request),
    )
    results = await asyncio.to_thread(_results, request, transfers, rows)
    return json_response(request, 200, {"results": results}, replayed(rows[0]) if rows else None)


def _results(
    request: Request, transfers: list[schemas.Transfer], rows: list[asyncpg.Record]
) -> list[Transaction | dict[str, Any]]:
    # Of no transfers at all there can be a row, which says only whether that was asked before.
    return [_result(request, *pair) for pair in zip(transfers, rows, strict=False)]


def _result(
    request: Request, transfer: schemas.Transfer, row: asyncpg.Record
) -> Transaction | dict[str, Any]:
    """What a request for this transfer alone would have been answered with."""
    if row["state"] == "succeeded":
        return Transaction.of(row)
    if isinstance(transfer.amount, Problem):
        return problem_object(request, transfer.amount)
    return problem_object(request, refusal(row["sqlstate"], row["detail"], row["hint"]))


@blueprint.get("/transaction/<id:str>")
async def get_transaction(request: Request, id: str) -> HTTPResponse:
    transaction_id = path_id(id, "transaction_not_found")
    wait = preferences(request).wait
    if wait is None:
        row = await request.app.ctx.database.get_outcome(transaction_id)
        return json_response(request, 200, Transaction.of(row))
    wait = at_most(wait, MOST_WAIT)
    row = await _settled(request, transaction_id, float(wait))
    return json_response(request, 200, Transaction.of(row), {"Preference-Applied": applied(wait)})


async def _settled(request: Request, transaction_id: int, seconds: float) -> asyncpg.Record:
    """What became of a transaction; while it is pending, what is there after so many seconds.

    Between two looks no connection is held. A shutdown ends the wait.
    """
    stopping: asyncio.Event = request.app.ctx.stopping
    now = asyncio.get_running_loop().time
    deadline, pause = now() + seconds, _FIRST_PAUSE
    while True:
        row = await request.app.ctx.database.get_outcome(transaction_id)
        left = deadline - now()
        if row["state"] != "pending" or left <= 0 or stopping.is_set():
            return row
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@blueprint.post("/transaction/<id:str>/reversal")
async def reverse(request: Request, id: str) -> HTTPResponse:
    transaction_id = path_id(id, "transaction_not_found")
    if request.body:
        read_body(request)
    row = await request.app.ctx.database.reverse(transaction_id, idempotency_key(request))
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    return json_response(request, 201, transaction, headers)
