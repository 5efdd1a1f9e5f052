"""/metrics: what Prometheus scrapes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
from sanic import Blueprint, HTTPResponse, Request

from service import metrics
from service.database import Database
from service.errors import Problem
from service.responses import Response, request_id

blueprint = Blueprint("metrics")


@blueprint.get("/metrics", ctx_scope="read")
async def get_metrics(request: Request) -> HTTPResponse:
    database: Database = request.app.ctx.database
    pending, oldest = None, None
    # While the database is away, the rest is wanted most.
    with suppress(Problem, asyncpg.PostgresError):
        pending, oldest = await database.get_queue_depth()
    body = await asyncio.to_thread(metrics.text, pending, oldest)
    headers = {"X-Request-ID": request_id(request)}
    return Response(body, 200, headers, "text/plain; version=0.0.4; charset=utf-8")
