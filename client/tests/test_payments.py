"""Payments through a service that is refused, reset and killed while it answers."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import get_args

import pytest
from faulty import Fault, Faulty
from tests.http.processes import jobs
from tests.http.proxy import Proxy
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.service import Service

from pgwallet import AsyncWallet, Wallet

PAYMENTS = int(os.environ.get("WALLET_TEST_PAYMENTS", "200"))
# A fifth of the requests fail, few of them silently: each of those costs a timeout.
CHANCES: dict[Fault | None, float] = {
    None: 0.8,
    **dict.fromkeys(get_args(Fault), 0.03),
    "silent": 0.002,
}


@pytest.mark.timeout(600 + PAYMENTS / 4)
def test_each_payment_is_made_exactly_once_whatever_fails(database: Database) -> None:
    """WALLET_TEST_PAYMENTS=5000 makes it so many; with -s it shows what failed."""
    chance, failed, done = random.Random(fresh_seed()), Counter[str | None](), dict[str, int]()

    def fault() -> Fault | None:
        [found] = chance.choices(list(CHANCES), list(CHANCES.values()))
        failed[found] += 1
        return found

    def note(key: str, id: int) -> None:
        done[key] = id
        if len(done) % 40 == 20:
            failed["worker killed"] += 1
            with suppress(ProcessLookupError):
                for worker in list(jobs(service.process.pid, "worker"))[:1]:
                    os.kill(worker, signal.SIGKILL)
        if len(done) % 40 == 0:
            failed["database lost after the commit"] += 1
            lossy.fall_silent(hang_up=True)

    def pay(keys: Iterator[str], wallet: Wallet) -> None:
        for key in keys:
            note(key, wallet.deposit(account, "0.01", idempotency_key=key).id)

    async def pay_async(keys: Iterator[str], wallet: AsyncWallet) -> None:
        for key in keys:
            note(key, (await wallet.deposit(account, "0.01", idempotency_key=key)).id)

    async def pay_all(keys: list[str], url: str) -> None:
        async with AsyncWallet(url, timeout=5, retry_for=120) as wallet:
            await asyncio.gather(*[pay_async(rest, wallet) for rest in [iter(keys)] * 8])

    keys = [f"payment-{number}" for number in range(PAYMENTS)]
    with (
        Proxy(database) as lossy,
        Service(database, WALLET_WORKERS="2", WALLET_DATABASE_URL=lossy.url) as service,
        Wallet(service.url) as direct,
        Faulty(service.url, fault) as proxy,
        Wallet(proxy.url, timeout=5, retry_for=120) as wallet,
        ThreadPoolExecutor(9) as pool,
    ):
        account = direct.create_account("ada@example.com").id
        half = PAYMENTS // 2
        paid = [pool.submit(pay, iter(keys[n:half:8]), wallet) for n in range(8)]
        paid.append(pool.submit(asyncio.run, pay_all(keys[half:], proxy.url)))
        for job in paid:
            job.result()
        again = [direct.deposit(account, "0.01", idempotency_key=key).id for key in keys]

    print(PAYMENTS, "payments;", dict(failed))
    assert again == [done[key] for key in keys]
    made = [row["id"] for row in database.execute("SELECT id FROM wallet.transaction ORDER BY id")]
    assert made == sorted(done.values())
    with database.connect() as connection:
        assert_sound(connection)
