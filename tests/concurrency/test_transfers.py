"""32 connections move money between few accounts at once: none is lost and nobody is stuck."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from threading import Barrier, Event
from typing import NamedTuple

import psycopg
from psycopg import IsolationLevel

from tests.support.calls import Connection, answer, call, execute, open_accounts, rows, value
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

CONNECTIONS = 32
REFUSALS = {"WL006", "WL007"}

Plan = Callable[[random.Random], tuple[str, tuple[object, ...]]]
"""Draws the next call: a function and its arguments."""


class Snapshot(NamedTuple):
    """What one REPEATABLE READ transaction of a superuser saw."""

    lowest: Decimal
    highest: Decimal
    balances: Decimal
    entries: int
    deposits: Decimal
    transactions: int
    sides: int


def amount(rng: random.Random, largest: float = 500_000) -> Decimal:
    """0.01 up to `largest`, as often small as large."""
    return Decimal(max(1, round(largest ** rng.random() * 100))).scaleb(-2)


def opposing(ids: list[int], rng: random.Random) -> tuple[str, tuple[object, ...]]:
    source, target = rng.sample(ids, 2)
    return "transfer", (source, target, amount(rng))


def mixed(ids: list[int], rng: random.Random) -> tuple[str, tuple[object, ...]]:
    if rng.random() < 0.1:
        return "deposit", (rng.choice(ids), amount(rng, 1000))
    return opposing(ids, rng)


def flush_statistics(connection: Connection) -> None:
    """Counters reach pg_stat_database now and not when the session next finds the time."""
    connection.execute("SELECT pg_stat_force_next_flush()")


def deadlocks(admin: Connection) -> int:
    """How many deadlocks PostgreSQL has broken up in this database."""
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(value(admin, counted))


def work(database: Database, plan: Plan, calls: int, seed: str, barrier: Barrier) -> Counter[str]:
    """Make calls one after the other, and count what they were answered."""
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(calls):
            function, arguments = plan(rng)
            try:
                execute(connection, function, *arguments, prepare=True)
            except psycopg.Error as error:
                if error.sqlstate not in REFUSALS:
                    raise
                answers[error.sqlstate] += 1
            else:
                answers["done"] += 1
        flush_statistics(connection)
    return answers


def look(admin: Connection) -> Snapshot:
    with admin.transaction():
        accounts = call(
            admin,
            "SELECT min(balance) AS lowest, max(balance) AS highest, sum(balance) AS balances, "
            "sum(entry_count)::bigint AS entries FROM wallet.account",
        )
        transactions = call(
            admin,
            "SELECT coalesce(sum(amount) FILTER (WHERE source_account_id IS NULL), 0) AS deposits, "
            "count(*) AS transactions, count(*) + count(source_entry) AS sides "
            "FROM wallet.transaction",
        )
    return Snapshot(**accounts, **transactions)


def watch(database: Database, watching: Event, done: Event) -> list[Snapshot]:
    """Take one snapshot after the other until the work is done, and one more."""
    snapshots = []
    with database.connect() as admin:
        admin.isolation_level = IsolationLevel.REPEATABLE_READ
        snapshots.append(look(admin))
        watching.set()
        while not done.is_set():
            snapshots.append(look(admin))
        snapshots.append(look(admin))
    return snapshots


def crowd(database: Database, admin: Connection, plan: Plan, calls: int) -> Counter[str]:
    """Let 32 connections make `calls` calls between them while one more watches.

    Whatever they call, this must hold: each call is done or refused, there is no deadlock, each
    snapshot is sound, and so is the ledger at the end.
    """
    seed = fresh_seed()
    before = look(admin)
    watching, done = Event(), Event()
    each = -(-calls // CONNECTIONS)
    with background(watch, database, watching, done) as watcher:
        try:
            assert watching.wait(60)
            tasks = [
                partial(work, database, plan, each, f"{seed}-{number}")
                for number in range(CONNECTIONS)
            ]
            answers = sum(together(tasks), Counter[str]())
        finally:
            done.set()
        snapshots = watcher.result()
    print(f"answers: {dict(answers)}; snapshots: {len(snapshots)}")
    assert answers.total() == each * CONNECTIONS >= calls
    for snapshot in snapshots:
        assert 0 <= snapshot.lowest <= snapshot.highest <= Decimal("999999.99")
        assert snapshot.balances == snapshot.deposits
        assert snapshot.entries == snapshot.sides
    after = snapshots[-1]
    assert after.transactions == before.transactions + answers["done"]
    assert any(before.transactions < s.transactions < after.transactions for s in snapshots)
    assert deadlocks(admin) == 0
    assert_sound(admin)
    return answers


def test_opposing_transfers_and_deposits_never_deadlock_and_lose_no_money(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["999999.99", "0", "500000", "1000", "0.01"] * 2)
    answers = crowd(database, admin, partial(mixed, ids), 6_000)
    assert answers.keys() == {"done", *REFUSALS}, "both bounds are met"


def test_one_account_that_everybody_fills_or_empties_stays_within_its_bounds(
    database: Database, app: Connection, admin: Connection
) -> None:
    """240 cents fit in, and 240 can be taken out; 416 are asked for each time."""
    full, source, target = open_accounts(app, "999997.59", "2.40", "0")
    answers = crowd(database, admin, lambda _: ("deposit", (full, "0.01")), 416)
    assert answers == {"done": 240, "WL007": 176}
    answers = crowd(database, admin, lambda _: ("transfer", (source, target, "0.01")), 416)
    assert answers == {"done": 240, "WL006": 176}


def test_one_transaction_that_many_reverse_at_once_is_reversed_once(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Twenty transactions, each reversed by eight connections at the same moment.

    There is money for one reversal only, and yet each of the others is told what comes first.
    """
    open_accounts(app, "10", "0")
    ids = [call(app, "transfer", *((2, 1) if n % 2 else (1, 2)), 10)["id"] for n in range(20)]

    def reverse(barrier: Barrier) -> Counter[str]:
        answers: Counter[str] = Counter()
        with database.connect("wallet_app") as connection:
            for id in reversed(ids):
                barrier.wait()
                answered = answer(connection, "reverse", id)
                answers[answered if isinstance(answered, str) else "done"] += 1
            flush_statistics(connection)
        return answers

    answers = sum(together([reverse] * 8), Counter[str]())
    assert answers == {"done": len(ids), "WL009": len(ids) * 7}
    reversed_ids = rows(admin, "SELECT reverses FROM wallet.reversal ORDER BY 1")
    assert [row["reverses"] for row in reversed_ids] == ids
    assert deadlocks(admin) == 0
    assert_sound(admin)
