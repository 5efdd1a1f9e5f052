"""The door: which HTTP is let in, how long it may take to come, and how much is held at once.

Sanic's parser takes what other servers read otherwise, so that a proxy in front and this service
could disagree where a request ends. Its clocks start again with each byte. Nothing in it bounds
connections or bodies. Here that is bounded, by the settings.
"""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import secrets
from email.utils import formatdate
from functools import lru_cache
from time import monotonic
from typing import Any

import msgspec
from sanic import Request
from sanic.compat import Header
from sanic.exceptions import BadRequest, ExpectationFailed, PayloadTooLarge, RequestTimeout
from sanic.http import Http, Stage
from sanic.http.http1 import HTTP_CONTINUE
from sanic.response import BaseHTTPResponse
from sanic.server.protocols.http_protocol import HttpProtocol

from service import answers
from service.config import Settings
from service.errors import Problem, invalid_request
from service.metrics import count_request
from service.responses import Response

logger = logging.getLogger("wallet")

# RFC 9112, without what is optional and read differently: no lone CR or LF, no folded line, no
# target but a path and a query, no Content-Length or Transfer-Encoding in any but the one form.
_is_head = re.compile(
    rb"[A-Z-]{1,32} /[!-\"$-~]* HTTP/1\.[01]"
    rb"(?:\r\n(?!(?i:content-length:(?![ \t]*[0-9]{1,15}(?:\r|\Z))"
    rb"|transfer-encoding:(?![ \t]*chunked(?:\r|\Z))))"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+)*+"
).fullmatch
_is_chunk_head = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}(?:;[\t -~]*)?").fullmatch
_is_host = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?").fullmatch

_KEPT_BACK = 64
"""File descriptors that are neither for clients nor for the database: logs, the event loop's."""
_GRACE = 1.0
"""Seconds for which a connection is not closed to make room for others."""


def _split_header(line: str) -> tuple[str, str]:
    name, value = line.split(":", 1)
    return name.lower(), value.lstrip()


class Bounds:
    """What a worker lets in, and how much it holds."""

    def __init__(self, settings: Settings) -> None:
        self.max_connections = settings.max_connections
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if files != resource.RLIM_INFINITY:
            reads = settings.pool_size // 4 if settings.read_url else 0
            room = max(1, files - settings.pool_size - reads - _KEPT_BACK)
            self.max_connections = min(self.max_connections, room)
        self.max_body_memory = settings.max_body_memory * 1024 * 1024
        self.body_memory = 0
        self.origins = settings.allowed_origins
        self._hosts = settings.known_hosts
        self._full = False
        # Most requests have the same few hosts.
        self.name_of = lru_cache(256)(self._name_of)

    def check(self, request: Request) -> str | None:
        """The page's origin if it is of another site that is allowed. Raises Problem.

        Without this, any page that a browser shows could send requests to this service.
        """
        hosts = request.headers.getall("host", [])
        name = self.name_of(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            raise invalid_request("The request must have one Host header.")
        if self._hosts is not None and name not in self._hosts:
            raise Problem("unknown_host", "This service does not answer for the request's Host.")
        origins = request.headers.getall("origin", None)
        if origins is None:
            return None
        origin: str = origins[0]
        if len(origins) == 1:
            if origin in self.origins:
                return origin
            # Behind a proxy that ends TLS it is https, and nothing here can tell.
            if origin in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
                return None
        raise Problem(
            "forbidden_origin", "Pages of other sites may not use this service from a browser."
        )

    @staticmethod
    def _name_of(host: str) -> str | None:
        """The name in a Host header, without its port; None if it is malformed."""
        found = _is_host(host)
        return found[1].lower() if found else None

    def make_room(self, connections: set[Door]) -> bool:
        """Whether there is room for one more connection, once those that wait longest are closed.

        First go the idle ones, then those whose request does not come to an end.
        """
        if len(connections) < self.max_connections:
            return True
        if not self._full:
            self._full = True
            logger.warning(
                "all %d connections are open: idle and slow ones are closed for new ones",
                self.max_connections,
            )
        before = monotonic() - _GRACE
        waiting = [
            (*waits, connection)
            for connection in connections
            if (waits := connection.waits_since()) and waits[1] < before
        ]
        waiting.sort(key=lambda found: found[:2])
        # Several at a time, so that a flood does not have them sorted for each.
        several = waiting[: 1 + self.max_connections // 32]
        for _, _, connection in several:
            connection.make_way()
        return bool(several)

    def left(self, connections: set[Door]) -> None:
        """Note that a connection is gone."""
        if self._full and len(connections) < self.max_connections * 0.9:
            self._full = False


class DoorHttp(Http):
    """Sanic's HTTP/1.1 with a strict reading of heads and chunks."""

    __slots__ = ("allowed_origin", "began")

    protocol: Door
    request_body: Any

    def __init__(self, protocol: Door) -> None:
        super().__init__(protocol)  # type: ignore[no-untyped-call]
        self.request_body = None

    def init_for_request(self) -> None:
        if self.protocol.body_memory:
            # The connection's context refers to its last request until the next one comes.
            self.request.body = b""
            self.protocol.release()
        super().init_for_request()  # type: ignore[no-untyped-call]
        self.allowed_origin: str | None = None
        self.began = monotonic()

    @property
    def is_receiving(self) -> bool:
        """Whether a request has begun to arrive, and has not arrived in full."""
        return self.stage is Stage.REQUEST or bool(self.request_body)

    async def http1_request_header(self) -> None:
        self.began = monotonic()
        buffer: bytearray = self.recv_buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0 and len(buffer) < self.HEADER_MAX_SIZE:
            await self._receive_more()
        if not 0 <= end < self.HEADER_MAX_SIZE:
            raise PayloadTooLarge("Request header exceeds the size limit")
        if not _is_head(buffer, 0, end):
            raise BadRequest("Bad Request")
        first, *lines = buffer[:end].decode(errors="surrogateescape").split("\r\n")
        method, self.url, version = first.split(" ")
        headers = Header([_split_header(line) for line in lines])
        self.head_only = method == "HEAD"
        door = self.protocol
        self.request = request = door.request_class(
            url_bytes=self.url.encode("ascii"),
            headers=headers,
            version=version[5:],
            # Of a HEAD's answer only the body is left out.
            method="GET" if self.head_only else method,
            transport=door.transport,  # type: ignore[arg-type]
            app=door.app,
        )
        request.stream = self
        wants = headers.getone("connection", "keep-alive" if version == "HTTP/1.1" else "close")
        self.keep_alive = wants.lower() == "keep-alive" and door.app.config.KEEP_ALIVE
        self.allowed_origin = door.bounds.check(request)
        sizes = headers.getall("content-length", [])
        chunked = headers.getall("transfer-encoding", [])
        if len(sizes) + len(chunked) > 1 or chunked not in ([], ["chunked"]):
            raise BadRequest("Bad Request")
        if chunked and version == "HTTP/1.0":
            raise BadRequest("Bad Request")
        if sizes or chunked:
            expect = headers.getone("expect", None)
            if expect and expect.lower() != "100-continue":
                raise ExpectationFailed("Unknown Expect")
            self.expecting_continue = bool(expect)
            self.request_body = "chunked" if chunked else True
        self.request_bytes_left = self.request_bytes = int(sizes[0]) if sizes else 0
        # A chunk begins with a line break: for the first one, that is the head's last.
        del buffer[: end + (2 if chunked else 4)]

    async def receive_body(self) -> bytes:
        """The body, from which nothing has been read yet."""
        size, buffer = self.request_bytes_left, self.recv_buffer
        if (
            self.request_body is True
            and not self.expecting_continue
            and size <= min(len(buffer), self.protocol.request_max_size)
        ):
            # A small one, and it is here already.
            whole = bytes(buffer[:size])
            del buffer[:size]
            self.request_body, self.request_bytes_left = None, 0
            return whole
        # In one bytearray, so that many small pieces take no more memory than they have bytes.
        body = bytearray()
        while self.request_body:
            body += await self.read() or b""
        return bytes(body)

    async def read(self) -> bytes | None:
        if self.request_body == "chunked" and not self.request_bytes_left:
            await self._check_chunk_head()
        data: bytes | None = await super().read()
        if data and self.request_max_size > self.protocol.request_max_size:
            # Smaller bodies are bounded by the number of connections.
            try:
                self.protocol.hold(len(data))
            except Problem:
                self.request_body, self.keep_alive = None, False
                raise
        return data

    async def _check_chunk_head(self) -> None:
        """Wait for the next chunk's size, and check it and the line break before it."""
        if self.expecting_continue:
            self.expecting_continue = False
            await self._send(HTTP_CONTINUE)
        buffer: bytearray = self.recv_buffer
        while (end := buffer.find(b"\r\n", 2)) < 0 and len(buffer) <= 64:
            await self._receive_more()
        if end < 0 or not _is_chunk_head(buffer, 0, end):
            self.request_body, self.keep_alive = None, False
            raise BadRequest("Bad chunked encoding")

    async def error_response(self, exception: Exception | asyncio.CancelledError) -> None:
        if isinstance(exception, asyncio.CancelledError):
            # Nobody is there to answer. The status is nginx's for that, and counts as no failure.
            count_request(self.request, 499, monotonic() - self.began)
        else:
            await super().error_response(exception)

    async def http1_response_header(self, data: bytes, end_stream: bool) -> None:
        response = self.response
        if not isinstance(response, Response) or self.expecting_continue:
            await super().http1_response_header(data, end_stream)
            return
        self.response_func: Any = None
        head = response.head(self.keep_alive)
        await self._send(head if self.head_only else head + (response.body or b""))
        self.stage = Stage.IDLE

    def respond(self, response: BaseHTTPResponse) -> BaseHTTPResponse:
        if self.allowed_origin:
            response.headers.update(
                {
                    "Access-Control-Allow-Origin": self.allowed_origin,
                    "Access-Control-Expose-Headers": "*",
                    "Vary": "Origin",
                }
            )
        count_request(self.request, response.status, monotonic() - self.began)
        return super().respond(response)


class Door(HttpProtocol):
    """A client's connection."""

    HTTP_CLASS = DoorHttp
    __slots__ = ("body_memory", "bounds", "unread_since")

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.bounds: Bounds = self.app.ctx.bounds
        self.body_memory = 0
        self.unread_since = 0.0

    def connection_made(self, transport: Any) -> None:
        if self.bounds.make_room(self.connections):
            super().connection_made(transport)  # type: ignore[no-untyped-call]
        else:
            transport.write(_no_room())
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.conn_info is not None:  # It was let in.
            super().connection_lost(error)  # type: ignore[no-untyped-call]
            self.release()
            self.bounds.left(self.connections)

    def hold(self, size: int) -> None:
        """Count so many bytes of a body as held. Raises Problem if the worker holds too many."""
        if self.bounds.body_memory + size > self.bounds.max_body_memory:
            raise Problem("busy", "Too many batches arrive at once. Nothing was done.")
        self.body_memory += size
        self.bounds.body_memory += size

    def release(self) -> None:
        """Count the body as gone."""
        self.bounds.body_memory -= self.body_memory
        self.body_memory = 0

    def pause_writing(self) -> None:
        self.unread_since = monotonic()
        super().pause_writing()  # type: ignore[no-untyped-call]

    def waits_since(self) -> tuple[bool, float] | None:
        """Whether a request is arriving, and since when; None while one is answered."""
        http = self.http
        if http is None:
            return None
        if http.is_receiving:
            return True, http.began
        return (False, self._time) if http.stage is Stage.IDLE else None

    def make_way(self) -> None:
        """Close this connection, which waits, for another."""
        if self.http.is_receiving:
            self._give_up(Problem("busy", "Too many connections are open. Nothing was done."))
        else:
            self.close()

    def check_timeouts(self) -> None:
        """Look each second whether the client, or its request, takes too long."""
        if self._task is None:
            return
        http, now, limit = self._http, monotonic(), self.request_timeout
        if self.transport and not self._can_write.is_set() and now - self.unread_since > limit:
            self.transport.abort()  # It does not read its answers.
        elif http.is_receiving:
            if now - http.began > limit:
                self._give_up(RequestTimeout())
        elif http.stage is Stage.IDLE:
            if now - self._time > self.keep_alive_timeout:
                self._task.cancel()
        elif now - http.began > limit + self.response_timeout:
            self._give_up(Problem("busy", "The request took too long."))
        self._callback_check_timeouts = self.loop.call_later(
            min(1.0, limit / 2), self.check_timeouts
        )

    def _give_up(self, error: Exception) -> None:
        """Answer with the error, and close the connection."""
        self._http.exception = error
        self._http.request_body = None  # Else Sanic would wait for the rest of it.
        if self._task is not None:
            self._task.cancel()


def _no_room() -> bytes:
    """The answer to a connection for which there is no room."""
    id = secrets.token_hex(16)
    body = msgspec.json.encode(
        answers.Problem(
            type="/guide#busy",
            title="Busy",
            status=503,
            detail="Too many connections are open. Nothing was done.",
            instance=id,
            code="busy",
        )
    )
    return (
        (
            "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n"
            f"date: {formatdate(usegmt=True)}\r\ncache-control: no-store\r\n"
            f"x-content-type-options: nosniff\r\nx-request-id: {id}\r\n"
            f"content-type: application/problem+json\r\ncontent-length: {len(body) + 1}\r\n\r\n"
        ).encode()
        + body
        + b"\n"
    )
