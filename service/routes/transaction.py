"""/transaction: move money between wallets, read what was moved, take it back."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service import schemas
from service.database import replayed
from service.responses import json_response
from service.schemas import Transaction, idempotency_key, path_id, read_body

blueprint = Blueprint("transaction")


@blueprint.post("/transaction")
async def transfer(request: Request) -> HTTPResponse:
    source_account_id, target_account_id, amount = read_body(
        request,
        source_account_id=schemas.account_id,
        target_account_id=schemas.account_id,
        amount=schemas.amount,
    )
    row = await request.app.ctx.database.transfer(
        source_account_id, target_account_id, amount, idempotency_key(request)
    )
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    return json_response(request, 201, transaction, headers)


@blueprint.get("/transaction/<id:str>")
async def get_transaction(request: Request, id: str) -> HTTPResponse:
    transaction_id = path_id(id, "transaction_not_found")
    transaction = Transaction.of(await request.app.ctx.database.get_transaction(transaction_id))
    return json_response(request, 200, transaction)


@blueprint.post("/transaction/<id:str>/reversal")
async def reverse(request: Request, id: str) -> HTTPResponse:
    transaction_id = path_id(id, "transaction_not_found")
    if request.body:
        read_body(request)
    row = await request.app.ctx.database.reverse(transaction_id, idempotency_key(request))
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    return json_response(request, 201, transaction, headers)
