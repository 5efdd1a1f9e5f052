"""32 connections move money between few accounts at once: none is lost and nobody is stuck."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from functools import partial
from threading import Barrier, Event

import psycopg

from tests.support.calls import Connection, call, execute, open_accounts, rows, value
from tests.support.databases import Database, assert_sound
from tests.support.seeds import fresh_seed
from tests.support.servers import Citus
from tests.support.threads import background, together

CONNECTIONS = 32
CALLS = 1_600
REFUSALS = {"WL006", "WL007"}


def amount(rng: random.Random, largest: float = 500_000) -> Decimal:
    """0.01 up to `largest`, as often small as large."""
    return Decimal(max(1, round(largest ** rng.random() * 100))).scaleb(-2)


def opposing(
    ids: list[int], holds: dict[int, int], rng: random.Random
) -> tuple[str, tuple[object, ...]]:
    """Transfers both ways, deposits, and captures to an account with a lower id."""
    if rng.random() < 0.1:
        return "deposit", (rng.choice(ids), amount(rng, 1000))
    if rng.random() < 0.3:
        hold = rng.choice(list(holds))
        return "capture", (hold, "0.01", rng.choice([id for id in ids if id < holds[hold]]))
    source, target = rng.sample(ids, 2)
    return "transfer", (source, target, amount(rng))


def flush_statistics(connection: Connection) -> None:
    """Counters reach pg_stat_database now and not when the session next finds the time."""
    connection.execute("SELECT pg_stat_force_next_flush()")


def deadlocks(admin: Connection) -> int:
    """How many deadlocks PostgreSQL has broken up in this database."""
    counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(value(admin, counted))


def work(
    database: Database, ids: list[int], holds: dict[int, int], seed: str, barrier: Barrier
) -> Counter[str]:
    """Make calls one after the other, and count what they were answered."""
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(CALLS // CONNECTIONS):
            function, arguments = opposing(ids, holds, rng)
            try:
                execute(connection, function, *arguments, prepare=True)
            except psycopg.Error as error:
                if error.sqlstate not in REFUSALS:
                    raise
                answers[error.sqlstate] += 1
            else:
                answers[function] += 1
        flush_statistics(connection)
    return answers


def audit(database: Database, ids: list[int], watching: Event, done: Event) -> list[int]:
    """Audit all, and each account, again and again. How many transactions each audit of all saw."""
    seen: list[int] = []
    # On Citus an audit beside writers may see half of a transaction: docs/scale.md.
    audited = [] if isinstance(database.server, Citus) else [None, *ids]
    with database.connect("wallet_reader") as reader:
        while not (seen and done.is_set()):
            with reader.transaction():
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                for id in audited[:1]:
                    assert rows(reader, "audit", id) == []
                seen.append(value(reader, "SELECT count(*) FROM wallet.transaction"))
            watching.set()
            # In READ COMMITTED as well: a function's statements share one snapshot if it is STABLE.
            for id in audited:
                assert rows(reader, "audit", id) == []
    return seen


def test_opposing_transfers_captures_and_deposits_never_deadlock_and_lose_no_money(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Each is done or refused, each snapshot of it is sound, and so is the ledger at the end."""
    ids = open_accounts(app, *["999999.99", "100", "500000", "1000", "0.01"] * 2)
    opened = {id: call(app, "hold", id, 100)["id"] for id in (3, 4, 8, 9)}
    holds = {hold: id for id, hold in opened.items()}
    seed = fresh_seed()
    watching, done = Event(), Event()
    with background(audit, database, [], watching, done) as watcher:
        try:
            assert watching.wait(60)
            tasks = [
                partial(work, database, ids, holds, f"{seed}-{number}")
                for number in range(CONNECTIONS)
            ]
            answers = sum(together(tasks), Counter[str]())
        finally:
            done.set()
        seen = watcher.result()
    print(f"answers: {dict(answers)}; audits: {len(seen)}")
    assert answers.total() == CALLS
    assert answers.keys() == {"transfer", "deposit", "capture", *REFUSALS}, "both bounds are met"
    last = seen[0] + sum(times for answer, times in answers.items() if answer not in REFUSALS)
    assert value(admin, "SELECT count(*) FROM wallet.transaction") == last
    assert any(seen[0] < number < last for number in seen), "it came too late"
    assert deadlocks(admin) == 0
    assert_sound(admin)
