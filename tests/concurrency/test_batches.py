"""Batches beside everything else that moves money: no deadlock, and the ledger stays sound."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest

from tests.concurrency.test_transfers import amount, deadlocks, flush_statistics
from tests.sql.test_batches import KEYED_BATCH
from tests.sql.test_idempotency import KEYED_DEPOSIT, KEYED_TRANSFER
from tests.sql.test_queue import KEYED_ENQUEUE, KEYED_TRANSFER_OR_ENQUEUE
from tests.support.calls import (
    CANCEL_PENDING,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    GET_OUTCOME,
    REVERSE,
    SETTLE,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_OR_ENQUEUE,
    WITHDRAW,
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
from tests.support.model import CODES, INSUFFICIENT_FUNDS
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together, wait_until_blocked

CLIENTS = 16
CALLS = 60
KINDS = {
    "transfer": TRANSFER,
    "deposit": DEPOSIT,
    "withdraw": WITHDRAW,
    "reverse": REVERSE,
    "batch": TRANSFER_BATCH,
    "enqueue": ENQUEUE_TRANSFER,
    "at once or enqueue": TRANSFER_OR_ENQUEUE,
    "settle": SETTLE,
    "cancel": CANCEL_PENDING,
    "keyed transfer": KEYED_TRANSFER,
    "keyed deposit": KEYED_DEPOSIT,
    "keyed batch": KEYED_BATCH,
    "keyed enqueue": KEYED_ENQUEUE,
    "keyed at once or enqueue": KEYED_TRANSFER_OR_ENQUEUE,
}


def two(rng: random.Random, ids: list[int]) -> tuple[int, int]:
    """Two different accounts, in any order."""
    source, target = rng.sample(ids, 2)
    return source, target


def request(rng: random.Random, ids: list[int]) -> tuple[int, int, Decimal]:
    return *two(rng, ids), amount(rng)


def arguments(kind: str, rng: random.Random, ids: list[int]) -> tuple[object, ...]:
    """What a call of a kind is given. Keys are few, and each belongs to one request."""
    what = kind.removeprefix("keyed ")
    key: tuple[object, ...] = ()
    if what != kind:
        number = rng.randrange(40)
        rng = random.Random(number)
        key = (f"{kind} {number}",)
    pair = request(rng, ids)
    given: dict[str, tuple[object, ...]] = {
        "transfer": pair,
        "deposit": (rng.choice(ids), amount(rng, 1000)),
        "withdraw": (rng.choice(ids), amount(rng, 1000)),
        "reverse": (rng.randint(1, 2000),),
        "batch": (
            batch(request(rng, ids) for _ in range(rng.randint(1, 30))),
            rng.random() < 0.5,
        ),
        "enqueue": pair,
        "at once or enqueue": (*pair, rng.choice([0, 0, "0.02"])),
        "settle": (rng.randint(1, 20),),
        "cancel": (rng.randint(1, 2000),),
    }
    return (*given[what], *key)


def work(database: Database, ids: list[int], seed: str, barrier: Barrier) -> Counter[str]:
    """Make calls of any kind, one after the other. How many of each were done or refused."""
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    with database.connect("wallet_app") as app, database.connect() as dba:
        barrier.wait()
        for _ in range(CALLS):
            kind = rng.choice(list(KINDS))
            connection = dba if kind == "cancel" else app
            given = arguments(kind, rng, ids)
            if kind == "cancel" and rng.random() < 0.7:
                queued = call(app, ENQUEUE_TRANSFER, *arguments("enqueue", rng, ids))
                given = (queued["id"],)
            if kind == "batch":
                outcomes = rows(connection, KINDS[kind], *given)
                answers.update(f"an item's {outcome['state']}" for outcome in outcomes)
                answers[kind] += 1
                continue
            answered = answer(connection, KINDS[kind], *given)
            if isinstance(answered, str):
                assert answered in CODES, (kind, given, answered)
                answers[answered] += 1
            else:
                answers[kind] += 1
        flush_statistics(app)
        flush_statistics(dba)
    return answers


def test_everything_at_once_on_ten_accounts_never_deadlocks(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["999999.99", "0", "500000", "1000", "0.01"] * 2)
    seed = fresh_seed()
    tasks = [partial(work, database, ids, f"{seed}-{number}") for number in range(CLIENTS)]
    answers = sum(together(tasks), Counter[str]())
    print(f"answers: {dict(answers)}")
    assert set(KINDS) <= set(answers)
    waiting = len(ledger(admin).pending)
    assert call(app, SETTLE, 10_000)["settled"] == waiting
    assert ledger(admin).pending == []
    assert ledger(admin).failed
    # What was queued under a key and answered has come to something.
    queued = rows(
        admin,
        "SELECT (o ->> 'id')::bigint AS id FROM wallet.idempotency_key k, "
        "jsonb_array_elements(nullif(k.answer -> 'outcomes', 'null')) o "
        "WHERE o ->> 'state' = 'pending'",
    )
    assert queued
    for row in queued:
        assert call(app, GET_OUTCOME, row["id"])["state"] in ("succeeded", "failed")
    assert deadlocks(admin) == 0
    assert_sound(admin)


def rotate(database: Database, ids: list[int], seed: str, barrier: Barrier) -> int:
    """Batches that name the accounts in any order. How many transfers were made."""
    rng = random.Random(seed)
    made = 0
    with database.connect("wallet_app") as connection:
        for _ in range(20):
            barrier.wait()
            asked = batch((*two(rng, ids), 1) for _ in range(20))
            outcomes = rows(connection, TRANSFER_BATCH, asked, False)
            made += sum(outcome["state"] == "succeeded" for outcome in outcomes)
        flush_statistics(connection)
    return made


def test_batches_that_name_the_same_accounts_in_any_order_never_deadlock(
    database: Database, app: Connection, admin: Connection
) -> None:
    ids = open_accounts(app, *["50"] * 10)
    seed = fresh_seed()
    before = len(ledger(admin).transactions)
    tasks = [partial(rotate, database, ids, f"{seed}-{number}") for number in range(CLIENTS)]
    made = sum(together(tasks))
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
    """It locks all its accounts first, whichever comes first in it."""
    open_accounts(app, "100", "100", "0", "0")
    call(holding, TRANSFER, 2, 4, 60)
    with background(rows, waiting, TRANSFER_BATCH, batch(order), False) as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '20ms'")
        assert answer(app, DEPOSIT, 1, 1) == "55P03", "the lower account is locked already"
        holding.commit()
        outcomes = waiter.result()
    codes = {outcome["source_account_id"]: outcome["sqlstate"] for outcome in outcomes}
    assert codes == {1: None, 2: INSUFFICIENT_FUNDS}
    assert balances(admin) == {1: "40.00", 2: "40.00", 3: "60.00", 4: "60.00"}
    assert_sound(admin)


def test_of_many_batches_with_one_key_one_is_done(
    database: Database, app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    asked = batch([(1, 2, 5), (2, 1, 500), (1, 2, 1)])

    def ask(barrier: Barrier) -> list[dict[str, object]]:
        answers = []
        with database.connect("wallet_app") as connection:
            for number in range(5):
                barrier.wait()
                answers.append(call(connection, KEYED_BATCH, asked, False, f"k-{number}"))
            flush_statistics(connection)
        return answers

    answers = sum(together([ask] * CLIENTS), list[dict[str, object]]())
    assert Counter(answered["replayed"] for answered in answers) == {
        False: 5,
        True: 5 * (CLIENTS - 1),
    }
    assert len({str(answered["outcomes"]) for answered in answers}) == 5
    assert balances(admin) == {1: "70.00", 2: "30.00"}
    assert deadlocks(admin) == 0
    assert_sound(admin)
