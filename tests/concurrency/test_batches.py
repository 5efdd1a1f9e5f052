"""Batches beside everything else that moves money: no deadlock, and the ledger stays sound."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from functools import partial
from threading import Barrier

import pytest

from tests.concurrency.test_idempotency import keyed_answer
from tests.concurrency.test_transfers import amount, deadlocks, flush_statistics
from tests.support.calls import (
    Connection,
    answer,
    balances,
    batch,
    call,
    ledger,
    open_accounts,
    rows,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import CODES
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together, wait_until_blocked

CLIENTS = 16
CALLS = 60
KEYED = ["transfer", "deposit", "reverse", "transfer_batch", "enqueue_transfer"]
KINDS = [*KEYED, "withdraw", "transfer_or_enqueue", "process_pending", "cancel_pending"]


def two(rng: random.Random, ids: list[int]) -> tuple[int, int]:
    """Two different accounts, in any order."""
    source, target = rng.sample(ids, 2)
    return source, target


def request(rng: random.Random, ids: list[int]) -> tuple[int, int, Decimal]:
    return *two(rng, ids), amount(rng)


def arguments(function: str, rng: random.Random, ids: list[int]) -> tuple[object, ...]:
    """What a call is given."""
    given: dict[str, tuple[object, ...]] = {
        "deposit": (rng.choice(ids), amount(rng, 1000)),
        "withdraw": (rng.choice(ids), amount(rng, 1000)),
        "reverse": (rng.randint(1, 2000),),
        "transfer_batch": (
            batch(request(rng, ids) for _ in range(rng.randint(1, 30))),
            rng.random() < 0.5,
        ),
        "transfer_or_enqueue": (*request(rng, ids), rng.choice([0, 0, "0.02"])),
        "process_pending": (rng.randint(1, 20),),
        "cancel_pending": (rng.randint(1, 2000),),
    }
    return given.get(function, request(rng, ids))


def work(database: Database, ids: list[int], seed: str, barrier: Barrier) -> Counter[str]:
    """Make calls of any kind, one after the other. How many of each were done or refused."""
    rng = random.Random(seed)
    answers: Counter[str] = Counter()
    with database.connect("wallet_app") as app, database.connect() as dba:
        barrier.wait()
        for _ in range(CALLS):
            kind = rng.choice([*KINDS, *(f"keyed {function}" for function in KEYED)])
            function = kind.removeprefix("keyed ")
            given = arguments(function, rng, ids)
            answered: object
            if kind != function:
                # Keys are few, and each belongs to one request.
                number = rng.randrange(40)
                given = arguments(function, random.Random(number), ids)
                answered = keyed_answer(app, function, *given, f"{kind} {number}")
            elif function == "transfer_batch":
                answered = rows(app, function, *given)
            elif function == "cancel_pending":
                if rng.random() < 0.7:
                    given = (call(app, "enqueue_transfer", *request(rng, ids))["id"],)
                answered = answer(dba, function, *given)
            else:
                answered = answer(app, function, *given)
            assert not isinstance(answered, str) or answered in CODES, (kind, given, answered)
            answers[answered if isinstance(answered, str) else kind] += 1
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
    assert {*KINDS, *(f"keyed {function}" for function in KEYED)} <= set(answers)
    waiting = len(ledger(admin).pending)
    assert value(app, "process_pending", 10_000) == waiting
    assert ledger(admin).pending == []
    assert ledger(admin).failed
    # What was queued under a key and answered has come to something.
    queued = rows(
        admin,
        "SELECT (o ->> 'id')::bigint AS id FROM wallet.idempotency_key k, "
        "jsonb_array_elements(nullif(k.result -> 'results', 'null')) o "
        "WHERE o ->> 'state' = 'pending'",
    )
    assert queued
    for row in queued:
        assert call(app, "get_transfer_result", row["id"])["state"] in ("succeeded", "failed")
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
    """It locks all its accounts first, whichever comes first in it."""
    open_accounts(app, "100", "100", "0", "0")
    call(holding, "transfer", 2, 4, 60)
    with background(rows, waiting, "transfer_batch", batch(order), False) as waiter:
        wait_until_blocked(admin, waiting, holding)
        app.execute("SET lock_timeout = '20ms'")
        assert answer(app, "deposit", 1, 1) == "55P03", "the lower account is locked already"
        holding.commit()
        results = waiter.result()
    codes = {result["source_account_id"]: result["sqlstate"] for result in results}
    assert codes == {1: None, 2: "WL006"}
    assert balances(admin) == {1: "40.00", 2: "40.00", 3: "60.00", 4: "60.00"}
    assert_sound(admin)
