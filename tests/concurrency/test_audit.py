"""An audit of a ledger that is being written finds nothing, and keeps nobody waiting."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from threading import Barrier, Event

import psycopg

from tests.concurrency.test_transfers import amount, deadlocks, flush_statistics
from tests.support.calls import (
    DEPOSIT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    call,
    open_accounts,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import CODES
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

WRITERS = 8
CALLS = 400


def draw(rng: random.Random, ids: list[int], made: list[int]) -> tuple[str, tuple[object, ...]]:
    """A call of any kind. A reversal is of what this writer made, or of anything at all."""
    kind = rng.choice([DEPOSIT, WITHDRAW, TRANSFER, TRANSFER, REVERSE, REVERSE])
    if kind == REVERSE:
        return kind, (rng.choice(made) if made and rng.random() < 0.7 else rng.randint(1, 500),)
    if kind == TRANSFER:
        return kind, (*rng.sample(ids, 2), amount(rng))
    return kind, (rng.choice(ids), amount(rng, 1000))


def write(database: Database, ids: list[int], seed: str, barrier: Barrier) -> Counter[str]:
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    made: list[int] = []
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(CALLS):
            statement, arguments = draw(rng, ids, made)
            try:
                made.append(call(connection, statement, *arguments)["id"])
            except psycopg.Error as error:
                if error.sqlstate not in CODES:
                    raise
                answers[error.sqlstate] += 1
            else:
                answers[statement.partition("wallet.")[2].partition("(")[0]] += 1
        flush_statistics(connection)
    return answers


def freeze(database: Database, ids: list[int], seed: str, done: Event) -> int:
    """Freeze and unfreeze accounts for as long as the others write."""
    rng = random.Random(seed)
    times = 0
    with database.connect() as dba:
        while not done.is_set():
            id = rng.choice(ids)
            call(dba, "SELECT * FROM wallet.freeze_account(%s)", id)
            call(dba, "SELECT * FROM wallet.unfreeze_account(%s)", id)
            times += 1
    return times


def audit(database: Database, ids: list[int], done: Event) -> list[int]:
    """Audit all, and each account, again and again. How many transactions each audit of all saw."""
    seen = []
    with database.connect("wallet_reader") as reader:
        while not done.is_set():
            with reader.transaction():
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                assert rows(reader, "SELECT * FROM wallet.audit()") == []
                count = call(reader, "SELECT count(*) AS count FROM wallet.transaction")["count"]
            # In READ COMMITTED as well: a function's statements share one snapshot if it is STABLE.
            assert rows(reader, "SELECT * FROM wallet.audit()") == []
            for id in ids:
                assert rows(reader, "SELECT * FROM wallet.audit(%s)", id) == []
            seen.append(count)
    return seen


def test_an_audit_finds_nothing_while_others_write(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["999999.99", "0", "500000", "1000"] * 2)
    seed = fresh_seed()
    done = Event()
    with (
        background(audit, database, ids, done) as auditor,
        background(freeze, database, ids, f"{seed}-dba", done) as dba,
    ):
        try:
            tasks = [partial(write, database, ids, f"{seed}-{n}") for n in range(WRITERS)]
            answers = sum(together(tasks), Counter[str]())
        finally:
            done.set()
        seen = auditor.result()
        times = dba.result()
    print(f"answers: {dict(answers)}; audits of: {seen}; accounts frozen: {times}")
    assert answers.total() == WRITERS * CALLS
    assert {"deposit", "withdraw", "transfer", "reverse"} < set(answers)
    assert {"WL006", "WL009", "WL010"} < set(answers)
    assert len(set(seen)) > 1, "the audits were not made while others wrote"
    assert times > 0
    assert deadlocks(admin) == 0
    assert_sound(admin)


def test_one_transaction_that_many_reverse_at_once_is_reversed_once(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Twenty transactions, each reversed by eight connections at the same moment."""
    open_accounts(app, "1000", "1000")
    ids = [call(app, TRANSFER, *there_and_back(n), 10)["id"] for n in range(20)]

    def reverse(barrier: Barrier) -> Counter[str]:
        answers: Counter[str] = Counter()
        with database.connect("wallet_app") as connection:
            for id in ids:
                barrier.wait()
                try:
                    call(connection, REVERSE, id)
                except psycopg.Error as error:
                    answers[str(error.sqlstate)] += 1
                else:
                    answers["done"] += 1
            flush_statistics(connection)
        return answers

    answers = sum(together([reverse] * WRITERS), Counter[str]())
    assert answers == {"done": len(ids), "WL009": len(ids) * (WRITERS - 1)}
    reversed_ids = rows(admin, "SELECT reverses FROM wallet.reversal ORDER BY 1")
    assert [row["reverses"] for row in reversed_ids] == ids
    assert deadlocks(admin) == 0
    assert_sound(admin)


def there_and_back(number: int) -> tuple[int, int]:
    """From account 1 to 2 and back, in turns."""
    return (1, 2) if number % 2 else (2, 1)
