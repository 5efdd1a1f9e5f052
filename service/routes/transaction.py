"""/transaction: move money between wallets, read what was moved, take it back."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sanic import Blueprint, HTTPResponse, Request

from service import answers
from service.answers import FieldError, Results, Transaction, Transactions
from service.bodies import (
    BatchItem,
    Reversal,
    Transfer,
    TransferBatch,
    read_body,
    read_no_members,
    read_optional_body,
    receive_body,
)
from service.config import Settings
from service.database import Database
from service.errors import invalid_request, problem_answer, refusal
from service.limits import MAX_BATCH_BODY_BYTES, MAX_WAIT
from service.parameters import (
    TransactionQuery,
    read_idempotency_key,
    read_path_id,
    read_query,
)
from service.prefer import applied, at_most, preferences
from service.responses import json_response, next_link, replayed_header
from service.rows import RefusalRow, TransactionRow

blueprint = Blueprint("transaction")

# Pauses in seconds between two looks at a transaction that is pending.
_FIRST_PAUSE, _MAX_PAUSE = 0.02, 0.25


@blueprint.post("/transaction", ctx_scope="write")
async def transfer(request: Request) -> HTTPResponse:
    body = read_body(request, Transfer)
    idempotency_key, preferred = read_idempotency_key(request), preferences(request)
    database: Database = request.app.ctx.database
    settings: Settings = request.app.ctx.settings
    preferences_applied = ["respond-async"] if preferred.respond_async else []
    if settings.queue == "all" or (preferred.respond_async and preferred.wait is None):
        row = await database.enqueue_transfer(
            source_account_id=body.source_account_id,
            target_account_id=body.target_account_id,
            amount=body.amount,
            idempotency_key=idempotency_key,
            actor=request.ctx.actor,
            annotation=body,
        )
    elif preferred.respond_async and preferred.wait is not None:
        wait = at_most(preferred.wait, settings.max_wait)
        row = await database.transfer_or_enqueue(
            source_account_id=body.source_account_id,
            target_account_id=body.target_account_id,
            amount=body.amount,
            wait=wait,
            idempotency_key=idempotency_key,
            actor=request.ctx.actor,
            annotation=body,
        )
        if row.state != "pending":
            preferences_applied = []
        preferences_applied.append(applied(wait))
    else:
        row = await database.transfer(
            source_account_id=body.source_account_id,
            target_account_id=body.target_account_id,
            amount=body.amount,
            idempotency_key=idempotency_key,
            actor=request.ctx.actor,
            annotation=body,
        )
    headers = {"Location": f"/transaction/{row.id}", **replayed_header(row.replayed)}
    if preferences_applied:
        headers["Preference-Applied"] = ", ".join(preferences_applied)
    status = 202 if row.state == "pending" else 201
    return json_response(request, status, Transaction.of(row), headers)


# It streams, so that its body, larger than any other, is received here and not before.
@blueprint.post("/transaction/batch", stream=True, ctx_scope="write")
async def transfer_batch(request: Request) -> HTTPResponse:
    await receive_body(request, MAX_BATCH_BODY_BYTES)
    # In a thread: 10 000 transfers take a tenth of a second, and other requests must go on.
    body = await asyncio.to_thread(read_body, request, TransferBatch)
    database: Database = request.app.ctx.database
    rows = await database.transfer_batch(
        source_account_ids=[item.source_account_id for item in body.transfers],
        target_account_ids=[item.target_account_id for item in body.transfers],
        amounts=[item.amount.value for item in body.transfers],
        atomic=body.atomic,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotations=body.transfers,
    )
    results = await asyncio.to_thread(_results, request, body.transfers, rows.results)
    return json_response(request, 200, results, replayed_header(rows.replayed))


def _results(
    request: Request, items: list[BatchItem], rows: list[TransactionRow | RefusalRow]
) -> Results:
    return Results([_result(request, item, row) for item, row in zip(items, rows, strict=True)])


def _result(
    request: Request, item: BatchItem, row: TransactionRow | RefusalRow
) -> Transaction | answers.Problem:
    """The answer that a request for this transfer alone would have had."""
    if isinstance(row, TransactionRow):
        row.reference, row.metadata = item.reference, item.metadata
        return Transaction.of(row)
    problem = item.amount.problem or refusal(row.sqlstate, row.detail, row.hint)
    return problem_answer(request, problem)


@blueprint.get("/transaction", ctx_scope="read")
async def find_transactions(request: Request) -> HTTPResponse:
    query = read_query(request, TransactionQuery)
    period = {"from": query.from_time, "to": query.to_time}
    if query.reference is None and query.account_id is None and any(period.values()):
        raise invalid_request(
            "The query's parameters are not those of this request.",
            [
                FieldError(name, "needs a reference or an account_id")
                for name, time in period.items()
                if time
            ],
        )
    database: Database = request.app.ctx.database
    rows = await database.find_transactions(
        reference=query.reference,
        account_id=query.account_id,
        from_time=query.from_time,
        to_time=query.to_time,
        before=query.before,
        page_size=query.limit,
        fresh=preferences(request).fresh,
    )
    next_before = rows[-1].id if len(rows) == query.limit else None
    headers = {}
    if next_before:
        given = {"reference": query.reference, "account_id": query.account_id}
        times = {name: time and time.isoformat() for name, time in period.items()}
        page = {"limit": query.limit, "before": next_before}
        headers["Link"] = next_link("/transaction", {**given, **times, **page})
    transactions = Transactions([Transaction.of(row) for row in rows], next_before)
    return json_response(request, 200, transactions, headers)


@blueprint.get("/transaction/<id:str>", ctx_scope="read")
async def get_transaction(request: Request, id: str) -> HTTPResponse:
    transaction_id = read_path_id(id, "transaction_not_found")
    preferred = preferences(request)
    if preferred.wait is None:
        database: Database = request.app.ctx.database
        row = await database.describe_transaction(id=transaction_id, fresh=preferred.fresh)
        return json_response(request, 200, Transaction.of(row))
    wait = at_most(preferred.wait, MAX_WAIT)
    row = await _wait_for_result(request, transaction_id, float(wait))
    return json_response(request, 200, Transaction.of(row), {"Preference-Applied": applied(wait)})


async def _wait_for_result(request: Request, transaction_id: int, seconds: float) -> TransactionRow:
    """The final result of a transaction, or the pending one once the time is over.

    Between two looks no connection is held. A shutdown ends the wait.
    """
    database: Database = request.app.ctx.database
    stopping: asyncio.Event = request.app.ctx.stopping
    now = asyncio.get_running_loop().time
    deadline, pause = now() + seconds, _FIRST_PAUSE
    while True:
        row = await database.describe_transaction(id=transaction_id, fresh=True)
        left = deadline - now()
        if row.state != "pending" or left <= 0 or stopping.is_set():
            return row
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), min(pause, left))
        pause = min(pause * 1.5, _MAX_PAUSE)


@blueprint.post("/transaction/<id:str>/reversal", ctx_scope="write")
async def reverse(request: Request, id: str) -> HTTPResponse:
    transaction_id = read_path_id(id, "transaction_not_found")
    body = read_optional_body(request, Reversal)
    database: Database = request.app.ctx.database
    row = await database.reverse(
        transaction_id=transaction_id,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotation=body,
    )
    headers = {"Location": f"/transaction/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Transaction.of(row, reverses=transaction_id), headers)


@blueprint.post("/transaction/<id:str>/cancel", ctx_scope="operate")
async def cancel(request: Request, id: str) -> HTTPResponse:
    transaction_id = read_path_id(id, "transaction_not_found")
    read_no_members(request)
    database: Database = request.app.ctx.database
    row = await database.cancel_pending(id=transaction_id, actor=request.ctx.actor)
    return json_response(request, 200, Transaction.of(row))
