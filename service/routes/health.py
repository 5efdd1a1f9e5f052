"""/health: whether the process lives, and whether it can serve."""

from __future__ import annotations

from sanic import Blueprint, HTTPResponse, Request

from service.answers import Live, Ready
from service.errors import Problem
from service.responses import json_response

blueprint = Blueprint("health")


@blueprint.get("/health/live", ctx_scope=None)
async def live(request: Request) -> HTTPResponse:
    return json_response(request, 200, Live("live"))


@blueprint.get("/health/ready", ctx_scope=None)
async def ready(request: Request) -> HTTPResponse:
    if request.app.ctx.stopping.is_set():
        raise Problem("busy", "The service is shutting down.")
    if not await request.app.ctx.database.is_ready():
        raise Problem("database_unavailable", "The wallet functions are not deployed.")
    return json_response(request, 200, Ready("ready"))
