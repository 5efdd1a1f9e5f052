"""The application: routes, one error mapping, and connections per worker."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeAlias

from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.exceptions import MethodNotAllowed, SanicException

from service.auth import require_keys
from service.config import Settings
from service.database import Database
from service.door import Bounds, DoorHttp
from service.errors import problem_of, problem_response
from service.limits import MAX_BODY_BYTES, MAX_WAIT
from service.logs import logging_config
from service.metrics import connections_in_use
from service.responses import log_fields, options_response
from service.routes import account, health, hold, metrics, operations, pages, transaction

logger = logging.getLogger("wallet")

# How long each answer says that its connection closes, before those that are idle are closed.
_FAREWELL_SECONDS = 0.2


class _Request(Request):
    """A request that is answered even if its target is not a URL.

    Its `ctx.actor` is the name of its API key, or None.
    """

    def __init__(self, url_bytes: bytes, *arguments: Any, **named: Any) -> None:
        try:
            super().__init__(url_bytes, *arguments, **named)
        except SanicException:
            if named["method"] != "NONE":  # Sanic's stand-in for a request that it cannot parse.
                raise
            super().__init__(b"*", *arguments, **named)

    @staticmethod
    def make_context() -> SimpleNamespace:
        return SimpleNamespace(actor=None)

    async def receive_body(self) -> None:
        if isinstance(self.stream, DoorHttp):
            self.body = await self.stream.receive_body()


App: TypeAlias = Sanic[Config, SimpleNamespace]


def _methods(app: App, path: str) -> list[str]:
    """The methods that an address takes. Sanic names none for a path with an id and several."""
    found = []
    for method in ("GET", "POST", "PUT"):
        with suppress(SanicException):
            app.router.get(path, method, None)
            found.append(method)
    return found


def create_app(settings: Settings, synchronous_commit: str = "on") -> App:
    """Make the application. It has a Database from a worker's start to its stop.

    Every session has this `synchronous_commit`.
    """
    app = Sanic("pgwallet", request_class=_Request, log_config=logging_config(settings.log_format))
    app.config.update(
        MOTD=False,
        ACCESS_LOG=False,
        REQUEST_MAX_SIZE=MAX_BODY_BYTES,
        REQUEST_TIMEOUT=settings.request_timeout,
        # The database's own limits come first. This one is for what is unexpected.
        RESPONSE_TIMEOUT=settings.pool_timeout + settings.statement_timeout + MAX_WAIT + 10,
        GRACEFUL_SHUTDOWN_TIMEOUT=settings.shutdown_timeout,
    )
    for routes in (account, hold, transaction, operations, health, metrics, pages):
        app.blueprint(routes.blueprint)

    for route in app.router.routes:
        # A GET's body means nothing, but unread it would be taken for an error.
        route.extra.ignore_body = False

    app.ctx.settings = settings
    app.ctx.bounds = Bounds(settings)
    app.ctx.stopping = asyncio.Event()

    @app.before_server_start
    async def open_database(app: App) -> None:
        app.ctx.database = Database(settings, synchronous_commit)

        def count_connections() -> None:
            connections_in_use.set(app.ctx.database.in_use)
            app.loop.call_later(1, count_connections)

        app.loop.call_later(1, count_connections)

    # Requests in flight end between these two: the connections must outlive them.
    @app.before_server_stop
    async def stop_being_ready(app: App) -> None:
        app.ctx.stopping.set()
        # Sanic closes idle connections next. A busy client must hear of that in an answer, or it
        # would send its next request on one of them and never know what became of it.
        app.config.KEEP_ALIVE = False
        await asyncio.sleep(_FAREWELL_SECONDS)

    @app.after_server_stop
    async def close_database(app: App) -> None:
        await app.ctx.database.close()

    @app.exception(Exception)
    async def answer_problem(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, MethodNotAllowed):
            error.headers = {"Allow": ", ".join(_methods(app, request.path))}
        if request.method == "OPTIONS" and isinstance(error, MethodNotAllowed):
            try:
                await request.receive_body()  # type: ignore[no-untyped-call]
            except Exception as unreadable:
                error = unreadable
            else:
                return options_response(request, problem_of(error, request).headers)
        return problem_response(request, error)

    if settings.access_log:

        @app.on_request
        async def start_clock(request: Request) -> None:
            request.ctx.started = time.perf_counter()

        @app.on_response  # type: ignore[untyped-decorator]
        async def log_request(request: Request, response: HTTPResponse) -> None:
            started = getattr(request.ctx, "started", time.perf_counter())
            logger.info(
                "request",
                extra={
                    "request": {
                        "method": request.method,
                        "path": request.path,
                        "status": response.status,
                        "seconds": round(time.perf_counter() - started, 6),
                        **log_fields(request),
                    }
                },
            )

    if settings.needs_keys:
        require_keys(app, settings)

    return app
