"""Grouped requests over HTTP, from 64 connections, beside calls in psql."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from random import Random
from threading import Barrier, Event

import aiohttp

from tests.concurrency.test_everything_at_once import request
from tests.concurrency.test_transfers import deadlocks, flush_statistics
from tests.http.processes import running
from tests.support.calls import Connection, answer, batch, open_accounts, rows
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

CLIENTS = 64
TRANSFERS = 10_000

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
