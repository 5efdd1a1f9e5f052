"""Bytes that are nearly HTTP: each gets 4xx or a closed connection, and nobody else notices."""

from __future__ import annotations

import random
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack, suppress

from tests.http.processes import peak_memory
from tests.http.wire import JSON_POST, LIVE
from tests.support.seeds import fresh_seed
from tests.support.service import Service

Connect = Callable[[], socket.socket]

# Each with the first digit of its status. None of them changes anything.
WHOLE = (
    (LIVE, "2"),
    (b"GET /account/0?a=%00 HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a\r\n\r\n", "4"),
    (b"PUT /account HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "4"),
    (JSON_POST + b"Content-Length: 7\r\n\r\n" + b'{"x":1}', "4"),
    (JSON_POST + b"Content-Length: 45\r\n\r\n" + LIVE[:45], "4"),
    (JSON_POST + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"x\r\n4;a=b\r\n":1}\r\n0\r\n\r\n', "4"),
    (JSON_POST + b"Transfer-Encoding: chunked\r\n\r\n2e\r\n%b\r\n0\r\n\r\n" % LIVE[:46], "4"),
)
ODD = (
    *(
        b"\x00",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b"\xff",
        b"\xc2\xa0",
        b"\x85",
    ),
    *(b"\xd9\xa2", b"0x", b"+", b"-", b"_", b",", b";", b"%00", b"%ff", b"//", b"/../", b"#", b"*"),
    *(b"chunked", b"gzip, ", b"9" * 30, b"A" * 9000, b"0\r\n\r\n", b"\r\n ", b'"', b"HTTP/1.0"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding : chunked\r\n", b"Host: a\r\n"),
    *(b"Content-Length: 5\r\n", b"content-length:0\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: close\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n", LIVE),
)


def spoilt(random: random.Random, data: bytes) -> bytes:
    """The bytes with something put in, taken out, doubled, exchanged or cut off."""
    for _ in range(random.randint(1, 3)):
        start = random.randrange(len(data) + 1)
        end = start + random.randrange(20)
        data = random.choice(
            (
                data[:start] + random.choice(ODD) + data[start:],
                data[:start] + random.choice(ODD) + data[end:],
                data[:start] + data[end:],
                data[:end] + data[start:],
                data[:start] + random.randbytes(1) + data[start + 1 :],
                data[:start],
            )
        )
    return data


def statuses(answers: bytes) -> list[str]:
    """The statuses of answers that follow each other; the last one need not be whole."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.[01] ([1-5]\d\d) ", head)
        assert status, f"this is no answer: {answers[:200]!r}"
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if status[1] != b"100":
            found.append(status[1].decode())
        answers = rest[int(length[1]) if length else 0 :]
    return found


def attack(connect: Connect, random: random.Random) -> None:
    """Send whole requests, then spoilt ones, and hold the answers to what must come."""
    whole = random.choices(WHOLE, k=random.randint(0, 3))
    others = random.choices(WHOLE, k=random.randint(0, 2))
    data = b"".join([data for data, _ in whole] + [spoilt(random, data) for data, _ in others])
    cut = random.randrange(len(data) + 1)
    answers, is_whole = b"", False
    with connect() as connection, suppress(ConnectionError):
        connection.sendall(data[:cut])
        connection.sendall(data[cut:])
        if random.random() < 0.1:
            return  # Gone, without a look at the answers.
        if not isinstance(connection, ssl.SSLSocket):
            with suppress(OSError):  # The other side has closed it.
                connection.shutdown(socket.SHUT_WR)
        else:  # It has no half-closed state, and what is spoilt may wait for more.
            connection.sendall(b"\r\n\r\n!\r\n\r\n" * 5)
        while received := connection.recv(65536):
            answers += received
        is_whole = True
    found = statuses(answers)
    assert all(status[0] in "24" for status in found), (data, answers)
    expected = [status for _, status in whole]
    first = [status[0] for status in found[: len(expected)]]
    # What a reset took along is missing at the end.
    assert first == (expected if is_whole else expected[: len(first)]), (data, answers)


def test_nearly_http_harms_nobody(service: Service) -> None:
    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", service.port), timeout=30)

    memory, log = peak_memory(service), service.log.stat().st_size
    source = random.Random(fresh_seed())
    with ExitStack() as stack:
        for _ in range(100):  # A flood, half-sent.
            stack.enter_context(connect()).sendall(spoilt(source, JSON_POST)[:-1])
        for _ in range(1500):
            attack(connect, source)
    with connect() as connection:
        connection.sendall(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert statuses(connection.recv(65536)) == ["200"]
    assert peak_memory(service) < memory + 64 * 1024 * 1024
    assert service.log.read_bytes()[log:] == b""
