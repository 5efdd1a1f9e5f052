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

from pgwallet import AsyncWallet, Wallet

Fault: TypeAlias = Literal["503", "429", "502", "reset", "lost", "cut", "silent"]
"""The first three are answers. `reset` hangs up before the service hears of it. After it has
answered, `lost` hangs up, `cut` does so in the middle of the answer, and `silent` says nothing."""
ANSWERS = {
    "503": (503, b'{"code": "busy", "detail": "Later."}'),
    "429": (429, b'{"code": "rate_limited", "detail": "Later."}'),
    "502": (502, b"<h1>Bad gateway</h1>"),
}


class Faulty(ThreadingHTTPServer):
    """Passes requests on to `upstream`; `fault` says what becomes of the next one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, upstream: str, fault: Callable[[], Fault | None] = lambda: None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.fault, self.lock = fault, Lock()
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        """Method, path and headers of each request."""
        limits = httpx.Limits(max_connections=None)
        self.upstream = httpx.Client(base_url=upstream, timeout=60, limits=limits, verify=False)
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.upstream.close()

    def handle_error(self, *_: object) -> None:
        """Clients hang up too."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Faulty

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.title(): value for name, value in self.headers.items()}
        with self.server.lock:
            self.server.seen.append((self.command, self.path, headers.copy()))
            fault = self.server.fault()
        if fault in ANSWERS:
            return self.answer(*ANSWERS[fault])
        if fault == "reset":
            return self.hang_up()
        del headers["Host"], headers["Connection"]
        try:
            response = self.server.upstream.request(
                self.command, self.path, content=body, headers=headers
            )
        except httpx.TransportError:  # The service hung up.
            return self.hang_up()
        if fault == "silent":
            self.rfile.read(1)  # Until the client gives up.
        if fault in ("silent", "lost"):
            return self.hang_up()
        return self.answer(response.status_code, response.content, cut=fault == "cut")

    do_POST = do_PUT = do_GET  # noqa: N815

    def answer(self, status: int, content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
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
        self._runner, self._wallet = asyncio.Runner(), kind(*arguments, **named)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._wallet, name)
        return lambda *values, **named: self._runner.run(_settle(method(*values, **named)))

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
