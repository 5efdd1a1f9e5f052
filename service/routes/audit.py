"""/audit: whether the whole ledger adds up."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service.answers import Violation, Violations
from service.database import Database
from service.metrics import set_audit
from service.responses import json_response

blueprint = Blueprint("audit")


@blueprint.get("/audit", ctx_scope="operate")
async def audit(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    rows = await database.audit()
    total = rows[0].total if rows else 0
    set_audit(total)
    return json_response(request, 200, Violations([Violation.of(row) for row in rows], total))
