"""/account: open a wallet, read it and its statement, pay in and out."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service import schemas
from service.database import replayed
from service.responses import json_response
from service.schemas import (
    MAX_ID,
    MAX_PAGE_SIZE,
    PAGE_SIZE,
    Account,
    StatementLine,
    Transaction,
    idempotency_key,
    path_id,
    read_body,
    read_query,
    whole_number,
)

blueprint = Blueprint("account")


@blueprint.post("/account")
async def create_account(request: Request) -> HTTPResponse:
    (email,) = read_body(request, email=schemas.email)
    row = await request.app.ctx.database.create_account(email, idempotency_key(request))
    account = Account.of(row)
    headers = {"Location": f"/account/{account.id}", **replayed(row)}
    return json_response(request, 201, account, headers)


@blueprint.get("/account")
async def find_accounts(request: Request) -> HTTPResponse:
    (email,) = read_query(request, email=(schemas.email, ...))
    rows = await request.app.ctx.database.find_accounts(email)
    return json_response(request, 200, {"items": [Account.of(row) for row in rows]})


@blueprint.get("/account/<id:str>")
async def get_account(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    account = Account.of(await request.app.ctx.database.get_account(account_id))
    return json_response(request, 200, account)


@blueprint.post("/account/<id:str>/payment")
async def deposit(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    (amount,) = read_body(request, amount=schemas.amount)
    row = await request.app.ctx.database.deposit(account_id, amount, idempotency_key(request))
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    return json_response(request, 201, transaction, headers)


@blueprint.post("/account/<id:str>/withdrawal")
async def withdraw(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    (amount,) = read_body(request, amount=schemas.amount)
    row = await request.app.ctx.database.withdraw(account_id, amount, idempotency_key(request))
    transaction = Transaction.of(row)
    headers = {"Location": f"/transaction/{transaction.id}", **replayed(row)}
    return json_response(request, 201, transaction, headers)


@blueprint.get("/account/<id:str>/transaction")
async def get_statement(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    limit, before = read_query(
        request,
        limit=(whole_number(1, MAX_PAGE_SIZE), PAGE_SIZE),
        before=(whole_number(1, MAX_ID), None),
    )
    rows = await request.app.ctx.database.get_statement(account_id, before, limit)
    items = [StatementLine.of(row) for row in rows]
    # Entries count from 1 without a gap: after entry 1 there is nothing.
    next_before = items[-1].entry if items and items[-1].entry > 1 else None
    headers = {}
    if next_before:
        url = f"/account/{account_id}/transaction?limit={limit}&before={next_before}"
        headers["Link"] = f'<{url}>; rel="next"'
    return json_response(request, 200, {"items": items, "next": next_before}, headers)
