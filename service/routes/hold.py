"""/hold: reserve money of a wallet, and take it or give it back later."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service.answers import Hold, Holds, Transaction
from service.bodies import Capture, NewHold, read_body, read_no_members
from service.database import Database
from service.parameters import PageQuery, read_idempotency_key, read_path_id, read_query
from service.prefer import preferences
from service.responses import json_response, replayed_header

blueprint = Blueprint("hold")


@blueprint.post("/account/<id:str>/hold", ctx_scope="write")
async def hold(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    body = read_body(request, NewHold)
    database: Database = request.app.ctx.database
    row = await database.hold(
        account_id=account_id,
        amount=body.amount,
        expires_in=body.expires_in,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
    )
    headers = {"Location": f"/hold/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Hold.of(row), headers)


@blueprint.get("/account/<id:str>/hold", ctx_scope="read")
async def get_holds(request: Request, id: str) -> HTTPResponse:
    account_id = read_path_id(id, "account_not_found")
    query = read_query(request, PageQuery)
    database: Database = request.app.ctx.database
    rows = await database.get_holds(
        account_id=account_id,
        before=query.before,
        page_size=query.limit,
        fresh=preferences(request).fresh,
    )
    next_before = rows[-1].id if len(rows) == query.limit else None
    headers = {}
    if next_before:
        url = f"/account/{account_id}/hold?limit={query.limit}&before={next_before}"
        headers["Link"] = f'<{url}>; rel="next"'
    holds = Holds([Hold.of(row) for row in rows], next_before)
    return json_response(request, 200, holds, headers)


@blueprint.get("/hold/<id:str>", ctx_scope="read")
async def get_hold(request: Request, id: str) -> HTTPResponse:
    hold_id = read_path_id(id, "hold_not_found")
    database: Database = request.app.ctx.database
    return json_response(
        request, 200, Hold.of(await database.get_hold(id=hold_id, fresh=preferences(request).fresh))
    )


@blueprint.post("/hold/<id:str>/capture", ctx_scope="write")
async def capture(request: Request, id: str) -> HTTPResponse:
    hold_id = read_path_id(id, "hold_not_found")
    body = read_body(request, Capture)
    database: Database = request.app.ctx.database
    row = await database.capture(
        hold_id=hold_id,
        amount=body.amount,
        target_account_id=body.target_account_id,
        final=body.final,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
        annotation=body,
    )
    headers = {"Location": f"/transaction/{row.id}", **replayed_header(row.replayed)}
    return json_response(request, 201, Transaction.of(row), headers)


@blueprint.post("/hold/<id:str>/release", ctx_scope="write")
async def release(request: Request, id: str) -> HTTPResponse:
    hold_id = read_path_id(id, "hold_not_found")
    read_no_members(request)
    database: Database = request.app.ctx.database
    row = await database.release(
        hold_id=hold_id,
        idempotency_key=read_idempotency_key(request),
        actor=request.ctx.actor,
    )
    return json_response(request, 200, Hold.of(row), replayed_header(row.replayed))
