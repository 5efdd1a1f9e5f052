"""Random HTTP, from well formed to noise, and what any server has to make of it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

from tests.http.wire import Connection

_TARGETS = (
    *(b"/account", b"/transaction", b"/transaction/batch", b"/health/live", b"/", b"//", b"*"),
    *(b"/account/1/../2", b"/%00", b"/%", b"/\xff", b"/a b", b"/?\xe2\x80\xa8", b"http://x/", b""),
    *(
        b"/account/" + b"9" * 300,
        b"/" + b"a" * 20_000,
        b"localhost:1",
        b"/#x",
        b"\x00",
        b"/\xc0\xaf",
    ),
)
_LINES = (
    *(
        b"Host: localhost",
        b"Host: x",
        b"Content-Length: 15",
        b"Content-Length: 3",
        b"X: " + b"a" * 9000,
    ),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Content-Length: 99999999999"),
    *(
        b"Expect: 100-continue",
        b"Connection: close",
        b"Connection: Content-Length",
        b"Upgrade: h2c",
    ),
    *(b"X : y", b" folded", b"no colon", b"X: \xff\x00", b"Content-Length: -1", b"Range: bytes=0-"),
)
_BODIES = (
    *(
        b"",
        b'{"email":"a@b"}',
        b"{",
        b"\xff" * 50,
        b"f\r\n{}\r\n0\r\n\r\n",
        b'f\r\n{"email":"a@b"}\r\n',
    ),
    *(b"ffffffffffffffff\r\nx", b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"),
)


def requests(random: Random, count: int) -> Iterator[bytes]:
    """Requests with conflicting lengths, odd targets, pipelined, cut short, with noise."""
    for _ in range(count):
        data = b""
        for _ in range(random.choice((1, 1, 1, 2, 50))):
            lines = [b"Host: localhost", b"Content-Type: application/json"]
            lines += random.choices(_LINES, k=random.choice((0, 0, 0, 1, 3)))
            target = random.choice((b"GET /health/live", b"POST /account"))
            version = b"HTTP/1.1"
            if random.random() < 0.5:
                method = random.choice((b"GET", b"POST", b"POST", b"PUT", b"G\xffT", b"PRI"))
                target = method + b" " + random.choice(_TARGETS)
                version = random.choice((b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b""))
            head = target + b" " + version
            data += b"\r\n".join((head, *lines, b"", random.choice(_BODIES)))
        noise = bytearray(data)
        for _ in range(random.choice((0, 0, 0, 1, 5))):
            noise[random.randrange(len(noise))] = random.choice(b"\x00\r\n\t :\xff0")
        yield bytes(noise[: int(len(noise) * random.choice((1, 1, 1, random.random())))])


def fuzz(port: int, seed: int, count: int = 200, tls: ssl.SSLContext | None = None) -> None:
    """Send so many, 32 at once: each ends in answers below 500, silence, or a closed connection."""

    def send(data: bytes) -> list[int]:
        with Connection(port, tls) as connection:
            connection.send(data)
            return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d+) ", connection.rest(0.5))]

    with ThreadPoolExecutor(32) as pool:
        sent = list(requests(Random(seed), count))
        codes = list(pool.map(send, sent))
    for data, answered in zip(sent, codes, strict=True):
        assert max(answered, default=0) < 500, f"seed {seed}: {data!r} was answered with {answered}"
    assert {200, 400} <= {code for answered in codes for code in answered}
