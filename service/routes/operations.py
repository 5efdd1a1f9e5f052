"""What operators look at: the audit, the queue, who waits for whom, and the versions."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service import __version__
from service.answers import Queue, Version, Violation, Violations, Wait, Waits
from service.database import Database
from service.metrics import set_audit
from service.responses import json_response

blueprint = Blueprint("operations")


@blueprint.get("/audit", ctx_scope="operate")
async def audit(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    rows = await database.audit()
    total = rows[0].total if rows else 0
    set_audit(total)
    return json_response(request, 200, Violations([Violation.of(row) for row in rows], total))


@blueprint.get("/queue", ctx_scope="operate")
async def get_queue(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    return json_response(request, 200, Queue.of(await database.get_queue()))


@blueprint.get("/wait", ctx_scope="operate")
async def get_account_waits(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    rows = await database.get_account_waits()
    return json_response(request, 200, Waits([Wait.of(row) for row in rows]))


@blueprint.get("/version", ctx_scope="read")
async def version(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    return json_response(request, 200, Version(__version__, await database.version()))
