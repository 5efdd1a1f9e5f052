"""A proxy in front of the service that fails as told, and both clients behind one face."""

from __future__ import annotations

import asyncio
import inspect
import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Literal, TypeAlias

import httpx
import msgspec

from pgwallet import AsyncWallet, Wallet

Fault: TypeAlias = Literal["503", "429", "502", "reset", "lost", "cut", "silent"]
"""The first three are answers. `reset` hangs up before the service hears of it. After it has
answered, `lost` hangs up, `cut` does so in the middle of the answer, and `silent` says nothing."""


class Faulty(ThreadingHTTPServer):
    """Passes requests on to `upstream`; `fault` says what becomes of the next one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, fault: Callable[[], Fault | None] = lambda: None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.fault = fault
        self.lock = Lock()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and headers of each request."""
        limits = httpx.Limits(max_connections=None)
        self.upstream = httpx.Client(base_url=upstream, timeout=60, limits=limits)
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.upstream.close()

    def handle_error(self, request: object, address: object) -> None:
        """Clients hang up too."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Faulty

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.title(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.seen.append((self.command, self.path, headers))
            fault = self.server.fault()
        if fault in ("503", "429"):
            code = "busy" if fault == "503" else "rate_limited"
            problem = msgspec.json.encode({"code": code, "detail": "Later."})
            return self.answer(int(fault), problem, {"Retry-After": "0"})
        if fault == "502":
            return self.answer(502, b"<h1>Bad gateway</h1>", {})
        if fault == "reset":
            return self.hang_up()
        del headers["Host"], headers["Connection"]
        try:
            response = self.server.upstream.request(
                self.command, self.path, content=body, headers=headers
            )
        except httpx.TransportError:  # The service hung up: so does this.
            return self.hang_up()
        if fault == "lost":
            return self.hang_up()
        if fault == "silent":
            self.rfile.read(1)  # Until the client gives up.
            return self.hang_up()
        passed = ("Content-Type", "Location", "Retry-After", "Link")
        given = {name: response.headers[name] for name in passed if name in response.headers}
        return self.answer(response.status_code, response.content, given, cut=fault == "cut")

    do_POST = do_PUT = do_GET  # noqa: N815

    def answer(
        self, status: int, content: bytes, headers: dict[str, str], *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.hang_up()

    def hang_up(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Write nothing."""


class Either:
    """A Wallet, or an AsyncWallet whose calls are waited for; iterators become lists."""

    def __init__(self, kind: type[Wallet] | type[AsyncWallet], *arguments: Any, **named: Any):
        self._runner = asyncio.Runner()
        self._wallet = kind(*arguments, **named)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            return self._runner.run(_settle(getattr(self._wallet, name)(*arguments, **named)))

        return call

    def __enter__(self) -> Either:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._runner.close()


async def _settle(result: Any) -> Any:
    if inspect.isawaitable(result):
        return await result
    if inspect.isasyncgen(result):
        return [item async for item in result]
    return list(result) if inspect.isgenerator(result) else result
