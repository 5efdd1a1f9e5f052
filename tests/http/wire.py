"""HTTP as bytes, for requests that no client would send."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from httpx import Response

from tests.http.answers import check

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def json_post(path: str) -> bytes:
    """The head of a POST of JSON, up to what says how long its body is."""
    lines = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return lines.encode()


JSON_POST = json_post("/account")


def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
    """A POST of JSON."""
    content = json.dumps(body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}"
        f"Content-Length: {len(content)}\r\n\r\n{content}"
    ).encode()


class Connection:
    """A connection to a service on this machine."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, reset: bool = False) -> None:
        """Hang up; with `reset`, as a client that crashed does."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send all of it, and return True; False when the other side does not take it."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False
        return True

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def end(self) -> None:
        """Say that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(
        self,
        method: str = "GET",
        path: str = "/nowhere",
        keyed: bool = False,
        hold_to: Callable[[Response], None] = check,
    ) -> Response:
        """The next answer, already checked, to a request that had an Idempotency-Key or had not."""
        head = self._until(b"\r\n\r\n").decode("ascii")
        status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [line.split(": ", 1) for line in lines]
        headers = httpx.Headers([(name, value) for name, value in pairs])
        if status == "100":
            return Response(100)
        length = 0 if method == "HEAD" else int(headers["Content-Length"])
        while len(self._buffer) < length:
            self._receive()
        content, self._buffer = self._buffer[:length], self._buffer[length:]
        response = Response(
            int(status),
            headers=headers,
            content=content,
            request=httpx.Request(
                *(method, f"http://127.0.0.1{path}"),
                headers={"Idempotency-Key": "k"} if keyed else {},
            ),
        )
        hold_to(response)
        return response

    def is_closed(self, wait: float = 20) -> bool:
        """Wait so long for the other side's next move, and tell whether it is to close."""
        self._socket.settimeout(wait)
        try:
            return not self._buffer and self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(end)
        return found + end

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self._buffer!r}")
        self._buffer += data


def exchange(port: int, data: bytes, path: str = "/nowhere", method: str = "GET") -> Response:
    """Send bytes on a connection of their own, and return the answer."""
    with Connection(port) as connection:
        connection.send(data)
        return connection.answer(method, path, keyed=b"\nidempotency-key:" in data.lower())
