"""What all answers have in common: JSON, and the request's id."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from sanic import HTTPResponse, Request
from sanic.http import Http

_sane_id = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
# The traceparent of W3C Trace Context, whose later versions may have more at its end.
_is_trace = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
).match
_encode = msgspec.json.Encoder().encode

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Response(HTTPResponse):
    """An answer, whole, with the headers that every answer has.

    No header can contain a line break: they are numbers, words of this service, and a sane request
    id. So they are written as they are, which takes a sixth of the time that Sanic takes.
    """

    def __init__(
        self, body: bytes | None, status: int, headers: dict[str, str], content_type: str | None
    ) -> None:
        # Sanic's own would make a multidict of the headers, twice.
        self.body = body or b""
        self.status = status
        self.headers: Any = headers
        self.content_type = content_type
        self.stream = None

    def head(self, keep_alive: bool) -> bytes:
        """All that comes before the body."""
        lines = [f"{name}: {value}\r\n" for name, value in self.headers.items()]
        if self.content_type:
            lines.append(f"content-type: {self.content_type}\r\n")
        if self.status != 204:
            lines.append(f"content-length: {len(self.body or b'')}\r\n")
        lines.append(f"connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n")
        return _STATUS_LINES[self.status] + _clock.lines() + "".join(lines).encode()


class _Clock:
    """The headers that every answer has, made once a second for the time's sake."""

    def __init__(self) -> None:
        self._second, self._lines = 0, b""

    def lines(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._lines = (
                f"date: {formatdate(second, usegmt=True)}\r\n"
                "cache-control: no-store\r\n"
                "x-content-type-options: nosniff\r\n"
            ).encode()
        return self._lines


_clock = _Clock()


def request_id(request: Request) -> str:
    """The request's X-Request-ID if it is sane, else a new one; the same at each call."""
    known: str | None = getattr(request.ctx, "request_id", None)
    if known is None:
        given = request.headers.getone("x-request-id", "").strip(" \t")
        known = given if _sane_id(given) else secrets.token_hex(16)
        request.ctx.request_id = known
    return known


def log_fields(request: Request) -> dict[str, str]:
    """What the log says of a request: its id, the client's key, trace and what PostgreSQL said."""
    trace = _is_trace(request.headers.get("traceparent", ""))
    known = {
        "request_id": request_id(request),
        "trace_id": trace and trace[1],
        "key": getattr(request.ctx, "actor", None),
        "sqlstate": getattr(request.ctx, "sqlstate", None),
    }
    return {name: value for name, value in known.items() if value}


def replayed_header(replayed: bool) -> dict[str, str]:
    """The header of an answer that was given to an earlier request with the same key."""
    return {"Idempotency-Replayed": "true"} if replayed else {}


def next_link(path: str, parameters: Mapping[str, object]) -> str:
    """The header Link to a next page. A parameter that is None is left out."""
    query = urlencode({name: one for name, one in parameters.items() if one is not None})
    return f'<{path}?{query}>; rel="next"'


def options_response(request: Request, allow: dict[str, str]) -> HTTPResponse:
    """The answer to OPTIONS: what the address takes, also for a browser that asks for a page."""
    headers = {
        "X-Request-ID": request_id(request),
        **allow,
        "Access-Control-Allow-Methods": allow["Allow"],
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Prefer, "
        "X-Request-ID, traceparent",
        "Access-Control-Max-Age": "600",
    }
    return Response(None, 204, headers, None)


def json_response(
    request: Request,
    status: int,
    payload: Any,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> HTTPResponse:
    """An answer with a JSON body; `payload` is anything that msgspec encodes."""
    if request.app.ctx.stopping.is_set() and isinstance(request.stream, Http):
        # Else an idle connection would delay the shutdown until its time is over.
        request.stream.keep_alive = False
    return Response(
        _encode(payload) + b"\n",
        status,
        {"X-Request-ID": request_id(request), **(headers or {})},
        content_type,
    )
