"""A steady load of mixed calls, and what became of each of them.

Every request moves an amount of its own, so the ledger tells afterwards which ones were made.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from service.errors import NOTHING_DONE
from tests.faults.ledger import Move
from tests.http.wire import post

CLIENTS = 32
PERIOD = 0.2
"""Seconds from one request of a client to its next, unless the answer takes longer."""
PATIENCE = 30
"""Seconds after which a client takes a request for unanswered."""

KINDS = ["payment", "withdrawal", *["transfer"] * 4, "queued", "batch", "reversal", *["read"] * 2]


class Answer(NamedTuple):
    """What a client learns from one try: nothing, if neither is set."""

    label: str
    ids: list[int | None] | None = None
    """The transactions of a 2xx answer; None stands for an item of a batch that was refused."""
    nothing_done: bool = False


@dataclass
class Asked:
    """A request, and what its client knows of it. Times are this machine's monotonic clock."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    moves: Sequence[Move | int]
    """What it moves, or the id of the transaction that it reverses."""
    sent: float = field(default_factory=time.monotonic)
    answered: float = 0.0
    answer: Answer | None = None
    was_unknown: bool = False


class Load:
    """Clients that go on until the `with` ends, and then until each request with a key is answered.

    `rich` accounts pay each other, `sink` takes what is queued, and `poor` can pay nothing.
    """

    def __init__(self, url: str, *, rich: list[int], sink: int, poor: int, seed: int) -> None:
        self.asked: list[Asked] = []
        self.served: list[float] = []
        self.failed: list[float] = []
        self.waiting: set[float] = set()
        """When the requests that have no answer yet were sent."""
        self.seen: Counter[str] = Counter()
        self.longest = 0.0
        self.not_found: list[int] = []
        """Transactions that were answered, and that a GET did not find."""
        self.flat_out = False
        """Whether clients go on at once, so that requests meet in groups."""
        self.hang_up = False
        """Whether clients hang up on their first try."""
        self._url, self._rich, self._sink, self._poor, self._seed = url, rich, sink, poor, seed
        self._numbers = count(1)
        self._made: list[int] = []
        self._reversible: list[int] = []
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run_all)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._stopping = True
        self._thread.join()
        if self._error and error is None:
            raise self._error

    def rate(self, seconds: float) -> float:
        """Requests that are served in a second, from now on."""
        since = time.monotonic()
        time.sleep(seconds)
        return sum(moment >= since for moment in list(self.served)) / seconds

    def seconds_to_recover(self, rate: float, patience: float) -> float:
        """How long from now until a second begins in which nothing fails, 90 % are served, and
        after which nothing waits that was sent before.
        """
        since = time.monotonic()
        begin = since
        while begin < since + patience:
            time.sleep(max(0, begin + 1 - time.monotonic()))
            served = sum(begin <= moment < begin + 1 for moment in list(self.served))
            failed = [moment for moment in list(self.failed) if begin <= moment < begin + 1]
            waits = min(list(self.waiting), default=begin) < begin
            if not failed and not waits and served >= rate * 0.9:
                break
            begin = max([begin + 0.1, *failed])
        return begin - since

    def _run_all(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self._error = error

    async def _run(self) -> None:
        async with aiohttp.ClientSession(
            self._url,
            connector=aiohttp.TCPConnector(limit=CLIENTS),
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
        ) as http:
            await asyncio.gather(*(self._client(number, http) for number in range(CLIENTS)))

    async def _client(self, number: int, http: aiohttp.ClientSession) -> None:
        random = Random(f"{self._seed} {number}")
        await asyncio.sleep(number / CLIENTS * PERIOD)
        while not self._stopping:
            next_turn = time.monotonic() + PERIOD
            kind = random.choice(KINDS)
            if kind == "read":
                await self._read(random, http)
            else:
                await self._ask(self._request(kind, random), http)
            if not self.flat_out:
                await asyncio.sleep(next_turn - time.monotonic())

    async def _read(self, random: Random, http: aiohttp.ClientSession) -> None:
        id = random.choice(self._made) if self._made else None
        path = f"/transaction/{id}" if id else f"/account/{self._sink}"
        if (await self._try(http, "GET", path)).label == "404" and id:
            self.not_found.append(id)

    def _request(self, kind: str, random: Random) -> Asked:
        numbers = iter(self._numbers)
        source, target = random.sample(self._rich, 2)
        if random.random() < 0.1:
            source = self._poor
        path = "/transaction"
        headers: dict[str, str] = {}
        if kind == "reversal" and self._reversible:
            # Each is asked for once.
            id = self._reversible.pop(random.randrange(len(self._reversible)))
            asked = Asked(f"/transaction/{id}/reversal", {}, headers, [id])
        elif kind == "payment":
            path, move = f"/account/{target}/payment", Move(None, target, next(numbers))
            asked = Asked(path, {"amount": move.amount}, headers, [move])
        elif kind == "withdrawal":
            path, move = f"/account/{source}/withdrawal", Move(source, None, next(numbers))
            asked = Asked(path, {"amount": move.amount}, headers, [move])
        elif kind == "batch":
            moves = [
                Move(*ends, next(numbers))
                for ends in ((source, target), (target, self._sink), (target, self._rich[0]))
                if ends[0] != ends[1]
            ]
            body = {"transfers": [move.body for move in moves], "atomic": random.random() < 0.5}
            asked = Asked("/transaction/batch", body, headers, moves)
        else:
            if kind == "queued":
                target, headers = self._sink, {"Prefer": "respond-async"}
            move = Move(source, target, next(numbers))
            asked = Asked(path, move.body, headers, [move])
        if random.random() < 0.5:
            headers["Idempotency-Key"] = f"{self._seed}-{next(numbers)}"
        self.asked.append(asked)
        return asked

    async def _ask(self, asked: Asked, http: aiohttp.ClientSession) -> None:
        """Ask once; with a key, until the answer is certain."""
        has_key = "Idempotency-Key" in asked.headers
        if self.hang_up:
            asked.was_unknown = True
            await self._hang_up(asked)
            if not has_key:
                return
        give_up = time.monotonic() + 2 * PATIENCE
        while True:
            answer = await self._try(http, "POST", asked.path, asked)
            asked.was_unknown |= not (answer.ids or answer.nothing_done)
            if answer.label < "5" or not has_key or time.monotonic() > give_up:
                break
        asked.answer, asked.answered = answer, time.monotonic()
        if answer.ids and "Prefer" not in asked.headers and isinstance(asked.moves[0], Move):
            made = [id for id in answer.ids if id]
            self._made += made
            self._reversible += made[:1]

    async def _try(
        self, http: aiohttp.ClientSession, method: str, path: str, asked: Asked | None = None
    ) -> Answer:
        begin = time.monotonic()
        self.waiting.add(begin)
        given: dict[str, Any] = {"json": asked.body, "headers": asked.headers} if asked else {}
        try:
            async with http.request(method, path, **given) as response:
                answer = read_answer(response.status, json.loads(await response.read()))
        except aiohttp.ClientConnectorError:
            answer = Answer("connection refused", nothing_done=True)
        except TimeoutError:
            answer = Answer(f"no answer in {PATIENCE} s")
        except aiohttp.ClientError:
            answer = Answer("connection lost")
        finally:
            self.waiting.discard(begin)
        now = time.monotonic()
        self.longest = max(self.longest, now - begin)
        if answer.label < "5":
            self.served.append(now)
        else:
            self.failed.append(now)
            self.seen[answer.label] += 1
            await asyncio.sleep(0.1)  # The cores are for what is being started again.
        return answer

    async def _hang_up(self, asked: Asked) -> None:
        """Send a request, and be gone before the answer."""
        with suppress(OSError):
            url = urlsplit(self._url)
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(post(asked.path, asked.body, asked.headers))
            await writer.drain()
            writer.transport.abort()


def read_answer(status: int, body: dict[str, Any]) -> Answer:
    if status < 300:
        items = body.get("results", [body])
        return Answer(str(status), [item["id"] if "state" in item else None for item in items])
    if status < 500:
        return Answer(str(status), nothing_done=True)
    return Answer(f"{status} {body['code']}", nothing_done=NOTHING_DONE in body["detail"])
