"""/account: open a wallet, read it and its statement, pay in and out, and set what can be set."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service.answers import Account, Accounts, FieldError, Statement, StatementLine, Transaction
from service.bodies import (
    CreateAccount,
    NewAnnotation,
    NewEmail,
    NewLimits,
    Payment,
    read_body,
    read_no_members,
)
from service.database import Database
from service.errors import invalid_request
from service.parameters import (
    AccountQuery,
    PageQuery,
    read_idempotency_key,
    read_path_id,
    read_query,
)
from service.prefer import preferences
from service.responses import json_response, next_link, replayed_header

blueprint = Blueprint("account")


@blueprint.post("/account", ctx_scope="write")
async def create_account(request: Request) -> HTTPResponse:
    body = read_body(request, CreateAccount)
    database: Database = request.app.ctx.database
    row = await database.create_account(
        email=body.email,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotation=body,
    )
    headers = {"Location": f"/account/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Account.of(row), headers)


@blueprint.get("/account", ctx_scope="read")
async def find_accounts(request: Request) -> HTTPResponse:
    query = read_query(request, AccountQuery)
    if query.email is None and query.reference is None:
        raise invalid_request(
            "The query's parameters are not those of this request.",
            [FieldError("email", "missing one of two: email or reference")],
        )
    database: Database = request.app.ctx.database
    rows = await database.find_accounts(
        email=query.email,
        reference=query.reference,
        after=query.after,
        page_size=query.limit,
        fresh=preferences(request).fresh,
    )
    next_after = rows[-1].id if len(rows) == query.limit else None
    headers = {}
    if next_after:
        given = {"email": query.email, "reference": query.reference}
        parameters = {**given, "limit": query.limit, "after": next_after}
        headers["Link"] = next_link("/account", parameters)
    accounts = Accounts([Account.of(row) for row in rows], next_after)
    return json_response(request, 200, accounts, headers)


@blueprint.get("/account/<id:str>", ctx_scope="read")
async def get_account(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    database: Database = request.app.ctx.database
    row = await database.get_account(id=account_id, fresh=preferences(request).fresh)
    return json_response(request, 200, Account.of(row))


@blueprint.post("/account/<id:str>/payment", ctx_scope="write")
async def deposit(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, Payment)
    database: Database = request.app.ctx.database
    row = await database.deposit(
        account_id=account_id,
        amount=body.amount,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotation=body,
    )
    headers = {"Location": f"/transaction/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Transaction.of(row), headers)


@blueprint.post("/account/<id:str>/withdrawal", ctx_scope="write")
async def withdraw(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, Payment)
    database: Database = request.app.ctx.database
    row = await database.withdraw(
        account_id=account_id,
        amount=body.amount,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotation=body,
    )
    headers = {"Location": f"/transaction/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Transaction.of(row), headers)


@blueprint.get("/account/<id:str>/transaction", ctx_scope="read")
async def get_statement(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    query = read_query(request, PageQuery)
    database: Database = request.app.ctx.database
    rows = await database.get_statement(
        account_id=account_id,
        before=query.before,
        page_size=query.limit,
        fresh=preferences(request).fresh,
    )
    # Entries count from 1 without a gap, so entry 1 is the last one.
    next_before = rows[-1].entry if rows and rows[-1].entry > 1 else None
    headers = {}
    if next_before:
        url = f"/account/{account_id}/transaction?limit={query.limit}&before={next_before}"
        headers["Link"] = f'<{url}>; rel="next"'
    statement = Statement([StatementLine.of(row) for row in rows], next_before)
    return json_response(request, 200, statement, headers)


@blueprint.post("/account/<id:str>/freeze", ctx_scope="operate")
async def freeze_account(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    read_no_members(request)
    database: Database = request.app.ctx.database
    row = await database.freeze_account(id=account_id, actor=request.ctx.actor)
    return json_response(request, 200, Account.of(row))


@blueprint.post("/account/<id:str>/unfreeze", ctx_scope="operate")
async def unfreeze_account(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    read_no_members(request)
    database: Database = request.app.ctx.database
    row = await database.unfreeze_account(id=account_id, actor=request.ctx.actor)
    return json_response(request, 200, Account.of(row))


@blueprint.put("/account/<id:str>/email", ctx_scope="operate")
async def set_email(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, NewEmail)
    database: Database = request.app.ctx.database
    row = await database.set_email(account_id=account_id, email=body.email, actor=request.ctx.actor)
    return json_response(request, 200, Account.of(row))


@blueprint.put("/account/<id:str>/annotation", ctx_scope="write")
async def annotate_account(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, NewAnnotation)
    database: Database = request.app.ctx.database
    row = await database.annotate_account(
        account_id=account_id, annotation=body, actor=request.ctx.actor
    )
    return json_response(request, 200, Account.of(row))


@blueprint.put("/account/<id:str>/limits", ctx_scope="operate")
async def set_limits(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, NewLimits)
    database: Database = request.app.ctx.database
    row = await database.set_limits(
        account_id=account_id,
        minimum=body.minimum,
        maximum=body.maximum,
        actor=request.ctx.actor,
    )
    return json_response(request, 200, Account.of(row))
