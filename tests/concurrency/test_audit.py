"""An audit of a ledger that is being written finds nothing, and keeps nobody waiting."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from threading import Barrier, Event

from tests.concurrency.test_transfers import amount, deadlocks, flush_statistics
from tests.support.calls import Connection, answer, call, open_accounts, rows, value
from tests.support.databases import Database, assert_sound
from tests.support.model import CODES
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together

WRITERS = 8
CALLS = 250


def draw(rng: random.Random, ids: list[int], made: list[int]) -> tuple[str, tuple[object, ...]]:
    """A call of any kind. A reversal is of what this writer made, or of anything at all."""
    kind = rng.choice(["deposit", "withdraw", "transfer", "transfer", "reverse", "reverse"])
    if kind == "reverse":
        return kind, (rng.choice(made) if made and rng.random() < 0.7 else rng.randint(1, 500),)
    if kind == "transfer":
        return kind, (*rng.sample(ids, 2), amount(rng))
    return kind, (rng.choice(ids), amount(rng, 1000))


def write(database: Database, ids: list[int], seed: str, barrier: Barrier) -> Counter[str]:
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    made: list[int] = []
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(CALLS):
            function, arguments = draw(rng, ids, made)
            answered = answer(connection, function, *arguments)
            if isinstance(answered, str):
                assert answered in CODES, answered
                answers[answered] += 1
            else:
                made.append(answered["id"])
                answers[function] += 1
        flush_statistics(connection)
    return answers


def freeze(database: Database, ids: list[int], seed: str, done: Event) -> int:
    """Freeze and unfreeze accounts for as long as the others write."""
    rng = random.Random(seed)
    times = 0
    with database.connect() as dba:
        while not done.is_set():
            id = rng.choice(ids)
            call(dba, "freeze_account", id)
            call(dba, "unfreeze_account", id)
            times += 1
    return times


def audit(database: Database, ids: list[int], done: Event) -> list[int]:
    """Audit all, and each account, again and again. How many transactions each audit of all saw."""
    seen = []
    with database.connect("wallet_reader") as reader:
        while not done.is_set():
            with reader.transaction():
                reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                assert rows(reader, "audit") == []
                count = value(reader, "SELECT count(*) FROM wallet.transaction")
            # In READ COMMITTED as well: a function's statements share one snapshot if it is STABLE.
            assert rows(reader, "audit") == []
            for id in ids:
                assert rows(reader, "audit", id) == []
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

    answers = sum(together([reverse] * WRITERS), Counter[str]())
    assert answers == {"done": len(ids), "WL009": len(ids) * (WRITERS - 1)}
    reversed_ids = rows(admin, "SELECT reverses FROM wallet.reversal ORDER BY 1")
    assert [row["reverses"] for row in reversed_ids] == ids
    assert deadlocks(admin) == 0
    assert_sound(admin)
