"""Grouped requests over HTTP, from 64 connections: under load, and while what serves is killed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from itertools import count
from random import Random
from threading import Barrier, Event
from typing import Any, NamedTuple

import aiohttp
import pytest

from service.errors import NOTHING_DONE
from tests.concurrency.fire import Kills
from tests.concurrency.test_everything_at_once import request
from tests.concurrency.test_transfers import deadlocks, flush_statistics
from tests.http.processes import own_database, running
from tests.support.calls import Connection, answer, batch, open_accounts, rows
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

CLIENTS = 64
TRANSFERS = 10_000
REQUESTS = 4_000
KILLS = ["worker", "backend", "PostgreSQL"] * 2

Send = Callable[[int, aiohttp.ClientSession], Awaitable[None]]


def load(url: str, requests: int, send: Send, barrier: Barrier) -> None:
    """Send requests 0, 1, 2 … over 64 connections, one after another on each."""

    async def run() -> None:
        numbers = count()

        async def client(http: aiohttp.ClientSession) -> None:
            while (number := next(numbers)) < requests:
                await send(number, http)

        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(
            url, connector=aiohttp.TCPConnector(limit=CLIENTS), timeout=timeout
        ) as http:
            await asyncio.gather(*(client(http) for _ in range(CLIENTS)))

    barrier.wait(60)
    asyncio.run(run())


def call_functions(database: Database, ids: list[int], seed: str, done: Event) -> Counter[str]:
    """What a psql session does meanwhile: single transfers, batches, and the queue."""
    random = Random(seed)
    answers: Counter[str] = Counter()
    with database.connect("wallet_app") as app:
        while not done.is_set():
            transfers = [request(random, ids) for _ in range(10)]
            calls: list[tuple[str, tuple[object, ...]]] = [
                ("transfer", transfers[1]),
                (
                    "SELECT count(*) FROM wallet.transfer_batch(%s::wallet.transfer_request[], %s)",
                    (batch(transfers), False),
                ),
                ("enqueue_transfer", transfers[0]),
                ("process_pending", (10,)),
            ]
            for function, given in calls:
                answered = answer(app, function, *given)
                answers[answered if isinstance(answered, str) else function.split("(")[0]] += 1
        flush_statistics(app)
    return answers


def test_opposing_transfers_of_four_workers_and_of_psql_never_deadlock(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["90000"] * 8)
    seed = fresh_seed()
    random = Random(seed)
    made: list[int] = []
    refused: Counter[str] = Counter()

    async def send(number: int, http: aiohttp.ClientSession) -> None:
        source, target = random.sample(ids, 2)
        body = {"source_account_id": source, "target_account_id": target, "amount": "1.00"}
        key = {"Idempotency-Key": str(number)} if number % 2 else {}
        async with http.post("/transaction", json=body, headers=key) as response:
            answered = await response.json()
            if response.status == 201:
                made.append(answered["id"])
            else:
                refused[answered["code"]] += 1

    settings = {"WALLET_WORKERS": "4", "WALLET_POOL_SIZE": "8"}
    done = Event()
    with (
        running(database, **settings) as service,
        background(call_functions, database, ids, f"{seed} 1", done) as first,
        background(call_functions, database, ids, f"{seed} 2", done) as second,
    ):
        try:
            together([partial(load, service.url, TRANSFERS, send)])
        finally:
            done.set()
        answers = first.result() + second.result()
    print(f"over HTTP: {len(made)} made, {dict(refused)}; psql: {dict(answers)}")
    assert len(made) + refused.total() == TRANSFERS
    assert set(refused) <= {"insufficient_funds", "busy"}
    assert len(made) > TRANSFERS * 0.9
    found = {row["id"] for row in rows(admin, "SELECT id FROM wallet.transaction")}
    assert len(set(made)) == len(made)
    assert set(made) <= found
    assert deadlocks(admin) == 0
    assert_sound(admin)


class Fate(NamedTuple):
    """What became of a request: the id that was answered, `nothing` done, or not known."""

    id: int | None
    is_known: bool


class Fire:
    """Requests that can be told apart by their amounts: request 0 moves 0.01, 1 moves 0.02 …"""

    def __init__(self, ids: list[int], seed: int) -> None:
        self.fates: dict[int, Fate] = {}
        self.counted: Counter[str] = Counter()
        self._ids, self._random = ids, Random(seed)

    async def send(self, number: int, http: aiohttp.ClientSession) -> None:
        """With a key, until it is answered; without one, once."""
        source, target = self._random.sample(self._ids, 2)
        body = {
            "source_account_id": source,
            "target_account_id": target,
            "amount": str(money(number)),
        }
        key = {"Idempotency-Key": str(number)} if number % 2 else {}
        for _ in range(1000):
            fate = await self._try(http, body, key)
            if fate.id or not key:
                break
            self.counted["retry"] += 1
            await asyncio.sleep(0.05)  # The cores are for what is being started again.
        self.fates[number] = fate

    async def _try(
        self, http: aiohttp.ClientSession, body: dict[str, Any], key: dict[str, str]
    ) -> Fate:
        try:
            async with http.post("/transaction", json=body, headers=key) as response:
                answered = json.loads(await response.read())
                if response.status == 201:
                    self.counted[f"replayed {response.headers.get('Idempotency-Replayed')}"] += 1
                    return Fate(answered["id"], True)
                assert response.status == 503, answered
                return Fate(None, NOTHING_DONE in answered["detail"])
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)
            return Fate(None, True)
        except aiohttp.ClientError:
            return Fate(None, False)


def money(number: int) -> Decimal:
    return Decimal(number + 1).scaleb(-2)


@pytest.mark.timeout(200)
def test_what_was_answered_is_there_once_and_a_key_tells_the_rest_whatever_is_killed() -> None:
    with own_database() as (server, database), running(database, WALLET_WORKERS="2") as service:
        with database.connect("wallet_app") as app:
            ids = open_accounts(app, *["200000"] * 4)
        seed = fresh_seed()
        fire = Fire(ids, seed)
        kills = Kills(server, database, service)
        random = Random(f"{seed} kills")
        together(
            [
                partial(load, service.url, REQUESTS, fire.send),
                partial(kills.carry_out, KILLS, partial(len, fire.fates), REQUESTS, random),
            ]
        )
        with database.connect() as admin:
            assert admin.execute("SHOW fsync").fetchall() == [{"fsync": "on"}]
            made: dict[Decimal, list[int]] = {}
            for row in rows(
                admin, "SELECT id, amount FROM wallet.transaction WHERE source_entry IS NOT NULL"
            ):
                made.setdefault(row["amount"], []).append(row["id"])
            assert_sound(admin)
    assert len(fire.fates) == REQUESTS
    fates: Counter[str] = Counter()
    for number, fate in fire.fates.items():
        found = made.get(money(number), [])
        if fate.id:
            assert found == [fate.id], "what was answered is there, once"
            fates["answered"] += 1
        elif fate.is_known:
            assert found == [], "nothing was done, as was said"
            fates["nothing done"] += 1
        else:
            assert len(found) <= 1
            fates[f"unknown, {len(found)} done"] += 1
        assert fate.id or number % 2 == 0, "with a key it was answered at last"
    print(f"{dict(fates)}; {dict(fire.counted)}")
    assert fates["answered"] > REQUESTS / 2
