"""What all answers have in common: JSON, and the request's id."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from email.utils import formatdate
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


class Response(HTTPResponse):
    """An answer whose headers are sent as they are, with those that every answer has.

    Sanic searches each for line breaks, which took a tenth of a transfer's time. None of these can
    contain one: they are numbers, words of this service, and a sane request id.
    """

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        if self.content_type:
            self.headers.setdefault("content-type", self.content_type)
        yield b"date", _clock.date()
        yield b"cache-control", b"no-store"
        yield b"x-content-type-options", b"nosniff"
        for name, value in self.headers.items():
            yield name.encode(), str(value).encode()


class _Clock:
    """The time as HTTP writes it, made once a second."""

    def __init__(self) -> None:
        self._second, self._date = 0, b""

    def date(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True).encode()
        return self._date


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
