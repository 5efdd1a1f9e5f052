"""/account: open a wallet, read it, pay in."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service import schemas
from service.responses import json_response
from service.schemas import Account, Transaction, path_id, read_body

blueprint = Blueprint("account")


@blueprint.post("/account")
async def create_account(request: Request) -> HTTPResponse:
    (email,) = read_body(request, email=schemas.email)
    account = Account.of(await request.app.ctx.database.create_account(email))
    return json_response(request, 201, account, {"Location": f"/account/{account.id}"})


@blueprint.get("/account/<id:str>")
async def get_account(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    account = Account.of(await request.app.ctx.database.get_account(account_id))
    return json_response(request, 200, account)


@blueprint.post("/account/<id:str>/payment")
async def deposit(request: Request, id: str) -> HTTPResponse:
    account_id = path_id(id, "account_not_found")
    (amount,) = read_body(request, amount=schemas.amount)
    transaction = Transaction.of(await request.app.ctx.database.deposit(account_id, amount))
    return json_response(request, 201, transaction, {"Location": f"/transaction/{transaction.id}"})
