"""Batches lock all their accounts first, in one order, and decide by what is there then."""

from __future__ import annotations

import random
from functools import partial
from threading import Barrier

import pytest

from tests.concurrency.test_transfers import deadlocks, flush_statistics
from tests.support.calls import (
    Connection,
    answer,
    balances,
    batch,
    call,
    ledger,
    open_accounts,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together, wait_until_blocked

CLIENTS = 16


def rotate(database: Database, ids: list[int], seed: str, barrier: Barrier) -> int:
    """Batches that name the accounts in any order. How many transfers were made."""
    rng = random.Random(seed)
    made = 0
    with database.connect("wallet_app") as connection:
        for _ in range(20):
            barrier.wait()
            asked = [f"({','.join(map(str, rng.sample(ids, 2)))},1)" for _ in range(20)]
            results = rows(connection, "transfer_batch", asked, False)
            made += sum(result["state"] == "succeeded" for result in results)
        flush_statistics(connection)
    return made


def test_batches_that_name_the_same_accounts_in_any_order_never_deadlock(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["50"] * 10)
    seed = fresh_seed()
    before = len(ledger(admin).transactions)
    made = sum(
        together([partial(rotate, database, ids, f"{seed}-{number}") for number in range(CLIENTS)])
    )
    after = ledger(admin)
    assert len(after.transactions) - before == made > 0
    assert sum(row["balance"] for row in after.accounts) == 500
    assert deadlocks(admin) == 0
    assert_sound(admin)


@pytest.mark.parametrize("order", [[(1, 3, 60), (2, 3, 60)], [(2, 3, 60), (1, 3, 60)]])
def test_a_batch_decides_by_what_is_there_when_it_has_waited(
    app: Connection,
    admin: Connection,
    holding: Connection,
    waiting: Connection,
    order: list[tuple[int, int, int]],
) -> None:
    """It locks all its accounts first. While it waits for one, it holds no other."""
    open_accounts(app, "100", "100", "0", "0")
    call(holding, "transfer", 2, 4, 60)
    with background(rows, waiting, "transfer_batch", batch(order), False) as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '5s'")
        assert isinstance(answer(app, "deposit", 1, 1), dict), "it holds the lower account"
        holding.commit()
        results = waiter.result()
    codes = {result["source_account_id"]: result["sqlstate"] for result in results}
    assert codes == {1: None, 2: "WL006"}
    assert balances(admin) == {1: "41.00", 2: "40.00", 3: "60.00", 4: "60.00"}
    assert_sound(admin)
