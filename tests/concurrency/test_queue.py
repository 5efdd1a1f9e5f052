"""Many queue, several settle, a DBA cancels and others look: each request has one outcome."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from threading import Barrier, Event
from typing import NamedTuple

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from tests.concurrency.test_transfers import deadlocks, flush_statistics
from tests.sql.test_queue import KEYED_TRANSFER_OR_ENQUEUE
from tests.support.calls import (
    CANCEL_PENDING,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    GET_ACCOUNT,
    GET_OUTCOME,
    SETTLE,
    TRANSFER_OR_ENQUEUE,
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import CANCELLED, NOT_PENDING
from tests.support.seeds import fresh_seed
from tests.support.threads import background, together, wait_until_blocked

CLIENTS = 16


def settle_until(database: Database, done: Event, max_items: int) -> int:
    """Settle slice after slice until others are done and nothing waits. How many that were."""
    settled = 0
    with database.connect("wallet_app") as connection:
        while True:
            last = done.is_set()
            number: int = call(connection, SETTLE, max_items)["settled"]
            settled += number
            if last and number == 0:
                flush_statistics(connection)
                return settled


# Either at once or queued.


def ask(database: Database, calls: int, seed: str, queued: Barrier, barrier: Barrier) -> list[int]:
    """Ask for transfers between two accounts and wait for neither. The ids that were given.

    The first call is made while somebody holds an account; `queued` is passed once it is queued.
    """
    rng = random.Random(seed)
    ids: list[int] = []
    with database.connect("wallet_app") as connection:
        connection.execute("SET lock_timeout = '1234ms'")
        barrier.wait()
        for number in range(calls):
            source, target = rng.sample((1, 2), 2)
            outcome = call(connection, TRANSFER_OR_ENQUEUE, source, target, "0.01", 0)
            ids.append(outcome["id"])
            if number == 0:
                assert outcome["state"] == "pending"
                queued.wait(60)
            assert outcome["state"] in ("pending", "succeeded")
            assert call(connection, "SHOW lock_timeout") == {"lock_timeout": "1234ms"}
        flush_statistics(connection)
    return ids


def test_sixteen_on_two_accounts_who_do_not_wait_succeed_or_are_queued(
    database: Database, app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "1000", "1000")
    seed = fresh_seed()
    call(holding, DEPOSIT, 1, 1)
    queued = Barrier(CLIENTS, action=holding.commit)
    done = Event()
    with background(settle_until, database, done, 10) as settler:
        try:
            tasks = [
                partial(ask, database, 40, f"{seed}-{number}", queued) for number in range(CLIENTS)
            ]
            ids = sum(together(tasks), list[int]())
        finally:
            done.set()
        settled = settler.result()
    print(f"at once: {len(ids) - settled}; queued: {settled}")
    assert len(set(ids)) == len(ids) == CLIENTS * 40
    assert CLIENTS <= settled < len(ids)
    assert {call(app, GET_OUTCOME, id)["state"] for id in ids} == {"succeeded"}
    assert ledger(admin).pending == ledger(admin).failed == []
    assert deadlocks(admin) == 0
    assert_sound(admin)


@pytest.mark.parametrize("held", [1, 2])
@pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
def test_who_waited_for_as_long_as_told_is_queued(
    app: Connection,
    admin: Connection,
    holding: Connection,
    waiting: Connection,
    held: int,
    source: int,
    target: int,
) -> None:
    """The account is held all the while. Nothing is kept that others could wait for."""
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, held, 1)
    with waiting.transaction():
        outcome = call(waiting, TRANSFER_OR_ENQUEUE, source, target, 5, "0.05")
        assert outcome["state"] == "pending"
        assert call(waiting, "SHOW lock_timeout") == {"lock_timeout": "1min"}
        # It may have had the lower account's lock before it gave up, and gave that back.
        app.execute("SET lock_timeout = '1ms'")
        call(app, DEPOSIT, 3 - held, 1)
    assert call(waiting, "SHOW lock_timeout") == {"lock_timeout": "1min"}
    holding.commit()
    assert call(app, SETTLE, 10)["settled"] == 1
    assert call(app, GET_OUTCOME, outcome["id"])["state"] == "succeeded"
    assert_sound(admin)


def test_who_waits_long_enough_is_not_queued(
    database: Database, app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """It waits for one account, then for the other."""
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 1, 1)
    with database.connect("wallet_app") as other, other.transaction():
        call(other, DEPOSIT, 2, 1)
        with background(call, waiting, TRANSFER_OR_ENQUEUE, 2, 1, 101, 3600) as waiter:
            wait_until_blocked(admin, waiting, holding)
            holding.commit()
            wait_until_blocked(admin, waiting, other)
            assert not waiter.done()
            other.execute("COMMIT")
            outcome = waiter.result()
        other.execute("BEGIN")
    assert outcome["state"] == "succeeded", "what came in while it waited is there"
    assert balances(admin) == {1: "202.00", 2: "0.00"}
    assert ledger(admin).pending == []
    assert_sound(admin)


def test_who_is_cancelled_while_it_waits_is_not_queued(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "100")
    before = ledger(admin)
    call(holding, DEPOSIT, 2, 1)
    with background(call, waiting, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, 3600, "k-1") as waiter:
        wait_until_blocked(admin, waiting, holding)
        waiting.cancel_safe()
        with pytest.raises(QueryCanceled):
            waiter.result()
    holding.rollback()
    assert ledger(admin) == before
    assert rows(admin, "SELECT FROM wallet.idempotency_key") == []


def test_what_was_queued_under_a_key_is_replayed_though_the_accounts_are_free(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 1, 1)
    first = call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, 0, "k-1")
    assert first["outcomes"][0]["state"] == "pending"
    holding.commit()
    again = {**first, "replayed": True}
    assert call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, 0, "k-1") == again
    assert call(app, SETTLE, 10)["settled"] == 1
    assert call(app, KEYED_TRANSFER_OR_ENQUEUE, 1, 2, 5, 0, "k-1") == again
    assert balances(admin) == {1: "96.00", 2: "105.00"}
    assert_sound(admin)


def test_to_queue_waits_for_nobody(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """Neither for who holds the accounts nor for a settler."""
    open_accounts(app, "100", "100")
    call(app, ENQUEUE_TRANSFER, 1, 2, 5)
    call(holding, SETTLE, 10)
    waiting.execute("SET lock_timeout = '1ms'")
    id = call(waiting, ENQUEUE_TRANSFER, 1, 2, 5)["id"]
    assert call(waiting, GET_OUTCOME, id)["state"] == "pending"
    assert call(waiting, GET_OUTCOME, id - 1)["state"] == "pending", "the settler has not committed"
    holding.commit()
    assert call(waiting, GET_OUTCOME, id - 1)["state"] == "succeeded"
    assert call(waiting, SETTLE, 10)["settled"] == 1


# Settlers and a DBA.


def test_a_second_settler_waits_for_the_first_and_goes_on_where_it_ended(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "0")
    ids = [call(app, ENQUEUE_TRANSFER, 1, 2, 1)["id"] for _ in range(5)]
    assert call(holding, SETTLE, 2)["settled"] == 2
    with background(call, waiting, SETTLE, 2) as waiter:
        wait_until_blocked(admin, waiting, holding)
        assert not waiter.done()
        holding.commit()
        assert waiter.result() == {"settled": 2}
    outcomes = [call(app, GET_OUTCOME, id) for id in ids]
    assert [outcome["target_entry"] for outcome in outcomes] == [1, 2, 3, 4, None]
    assert_sound(admin)


def test_a_second_settler_does_it_when_the_first_is_rolled_back(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "0")
    for amount in (1, 500):
        call(app, ENQUEUE_TRANSFER, 1, 2, amount)
    assert call(holding, SETTLE, 2)["settled"] == 2
    with background(call, waiting, SETTLE, 2) as waiter:
        wait_until_blocked(admin, waiting, holding)
        holding.rollback()
        assert waiter.result() == {"settled": 2}
    assert len(ledger(admin).failed) == 1
    assert_sound(admin)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_to_cancel_what_a_settler_has_taken_waits_for_the_settler(
    app: Connection, admin: Connection, database: Database, holding: Connection, end: str
) -> None:
    open_accounts(app, "100", "0")
    id = call(app, ENQUEUE_TRANSFER, 1, 2, 1)["id"]
    assert call(holding, SETTLE, 1)["settled"] == 1
    with database.connect() as dba, background(answer, dba, CANCEL_PENDING, id) as canceller:
        wait_until_blocked(admin, dba, holding)
        getattr(holding, end)()
        answered = canceller.result()
    if end == "commit":
        assert answered == NOT_PENDING
        assert call(app, GET_OUTCOME, id)["state"] == "succeeded"
    else:
        assert isinstance(answered, dict)
        assert answered["sqlstate"] == CANCELLED
        assert call(app, GET_OUTCOME, id) == answered
    assert_sound(admin)


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_a_settler_waits_for_who_cancels_and_leaves_out_what_was_cancelled(
    app: Connection, admin: Connection, database: Database, waiting: Connection, end: str
) -> None:
    open_accounts(app, "100", "0")
    ids = [call(app, ENQUEUE_TRANSFER, 1, 2, 1)["id"] for _ in range(3)]
    with database.connect() as dba:
        dba.execute("BEGIN")
        call(dba, CANCEL_PENDING, ids[1])
        with background(call, waiting, SETTLE, 10) as settler:
            wait_until_blocked(admin, waiting, dba)
            dba.execute(end)
            settled = settler.result()["settled"]
    states = [call(app, GET_OUTCOME, id)["state"] for id in ids]
    if end == "COMMIT":
        assert (settled, states) == (2, ["succeeded", "failed", "succeeded"])
    else:
        assert (settled, states) == (3, ["succeeded"] * 3)
    assert_sound(admin)


def cancel(database: Database, ids: list[int], seed: str, barrier: Barrier) -> dict[int, str]:
    """Cancel each in any order. What each was answered."""
    rng = random.Random(seed)
    answers = {}
    with database.connect() as dba:
        barrier.wait()
        for id in rng.sample(ids, len(ids)):
            answered = answer(dba, CANCEL_PENDING, id)
            answers[id] = answered if isinstance(answered, str) else answered["sqlstate"]
        flush_statistics(dba)
    return answers


def settle_slices(database: Database, seed: str, barrier: Barrier) -> int:
    """Settle until a slice is empty. How many that were."""
    rng = random.Random(seed)
    settled = 0
    with database.connect("wallet_app") as connection:
        barrier.wait()
        while number := call(connection, SETTLE, rng.randint(1, 3))["settled"]:
            settled += number
        flush_statistics(connection)
    return settled


def test_settlers_and_cancellers_at_once_give_each_request_one_outcome(
    database: Database, app: Connection, admin: Connection
) -> None:
    open_accounts(app, "1000", "0")
    seed = fresh_seed()
    ids = [call(app, ENQUEUE_TRANSFER, 1, 2, "0.01")["id"] for _ in range(200)]
    answers: list[dict[int, str]] = []
    numbers: list[int] = []

    def note_settled(number: int, barrier: Barrier) -> None:
        numbers.append(settle_slices(database, f"{seed}-{number}", barrier))

    def note_cancelled(number: int, barrier: Barrier) -> None:
        answers.append(cancel(database, ids, f"{seed}-{number}", barrier))

    tasks = [partial(note_settled, number) for number in range(3)]
    together([*tasks, *(partial(note_cancelled, number) for number in range(3, 6))])
    settled = sum(numbers) + call(app, SETTLE, 1000)["settled"]
    cancelled = 0
    for id in ids:
        outcome = call(app, GET_OUTCOME, id)
        answered = Counter(several[id] for several in answers)
        if outcome["state"] == "succeeded":
            assert answered == {NOT_PENDING: 3}
        else:
            assert outcome["sqlstate"] == CANCELLED
            assert answered == {CANCELLED: 1, NOT_PENDING: 2}
            cancelled += 1
    print(f"settled: {settled}; cancelled: {cancelled}")
    assert settled + cancelled == len(ids)
    assert ledger(admin).pending == []
    assert deadlocks(admin) == 0
    assert_sound(admin)


def watch(database: Database, given: list[int], done: Event) -> int:
    """Look at what was given an id, again and again: it is there, and never pending again."""
    final: dict[int, str] = {}
    looks = 0
    with database.connect("wallet_app") as connection:
        while True:
            last = done.is_set()
            for id in given[:]:
                state = call(connection, GET_OUTCOME, id)["state"]
                assert final.setdefault(id, state) == state or final[id] == "pending"
                final[id] = state
                looks += 1
            if last:
                assert set(final.values()) == {"succeeded", "failed"}
                return looks


def test_what_was_given_an_id_is_never_missed_while_it_is_settled(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Every third fails for want of money, so rows move to either table."""
    open_accounts(app, "1000", "0")
    given: list[int] = []
    settling, watching = Event(), Event()
    with (
        background(settle_until, database, settling, 2) as settler,
        background(watch, database, given, watching) as one,
        background(watch, database, given, watching) as other,
    ):
        try:
            for number in range(150):
                amount = 5000 if number % 3 == 0 else "0.01"
                given.append(call(app, ENQUEUE_TRANSFER, 1, 2, amount)["id"])
            settling.set()
            assert settler.result() == len(given)
        finally:
            settling.set()
            watching.set()
        looks = one.result() + other.result()
    print(f"looks: {looks}")
    assert len(ledger(admin).failed) == 50
    assert deadlocks(admin) == 0
    assert_sound(admin)


@pytest.mark.parametrize("amount", ["0.01", 5000], ids=["succeeded", "failed"])
def test_what_moves_while_it_is_looked_for_is_found(
    database: Database,
    app: Connection,
    admin: Connection,
    waiting: Connection,
    amount: str | int,
) -> None:
    """It is settled when wallet.transaction has been looked at and wallet.pending_transfer not."""
    open_accounts(app, "1000", "0")
    id = call(app, ENQUEUE_TRANSFER, 1, 2, amount)["id"]
    with database.connect() as settler:
        settler.execute("BEGIN; LOCK TABLE wallet.pending_transfer")
        with background(call, waiting, GET_OUTCOME, id) as looker:
            wait_until_blocked(admin, waiting, settler)
            assert call(settler, SETTLE, 1)["settled"] == 1
            settler.execute("COMMIT")
            assert looker.result()["state"] == "pending", "as it was when the look began"
    assert call(waiting, GET_OUTCOME, id)["state"] in ("succeeded", "failed")


class Asked(NamedTuple):
    """A request: when it was sent and answered by this machine's clock, and the id it was given."""

    sent: float
    answered: float
    id: int


def enqueue(database: Database, source: int, barrier: Barrier) -> list[Asked]:
    """Queue one transfer after the other to the account that everybody pays."""
    asked = []
    with database.connect("wallet_app") as connection:
        barrier.wait()
        for _ in range(50):
            sent = time.monotonic()
            id = call(connection, ENQUEUE_TRANSFER, source, 1, "0.01")["id"]
            asked.append(Asked(sent, time.monotonic(), id))
        flush_statistics(connection)
    return asked


@pytest.mark.parametrize("max_items", [1, 7])
def test_what_was_answered_before_another_was_sent_is_settled_before_it(
    database: Database, app: Connection, admin: Connection, max_items: int
) -> None:
    """Sixteen queue at once while two settle; the target's entries tell the order."""
    open_accounts(app, "0", *["100"] * CLIENTS)
    done = Event()
    with (
        background(settle_until, database, done, max_items) as one,
        background(settle_until, database, done, max_items) as other,
    ):
        try:
            tasks = [partial(enqueue, database, source) for source in range(2, CLIENTS + 2)]
            asked = sum(together(tasks), list[Asked]())
        finally:
            done.set()
        settled = one.result() + other.result()
    assert settled == len(asked) == CLIENTS * 50
    entry = {row["id"]: row["target_entry"] for row in ledger(admin).transactions}
    by_answer = iter(sorted(asked, key=lambda request: request.answered))
    earlier = next(by_answer)
    latest = 0
    for request in sorted(asked):
        while earlier.answered < request.sent:
            latest = max(latest, entry[earlier.id])
            earlier = next(by_answer)
        assert entry[request.id] > latest, request
    assert call(app, GET_ACCOUNT, 1)["entry_count"] == len(asked)
    assert deadlocks(admin) == 0
    assert_sound(admin)


def test_a_settler_that_is_killed_leaves_the_queue_as_it_was(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "0")
    for amount in (1, 500, 2):
        call(app, ENQUEUE_TRANSFER, 1, 2, amount)
    before = ledger(admin)
    call(holding, SETTLE, 10)
    pid = holding.info.backend_pid
    assert call(admin, "SELECT pg_terminate_backend(%s, 60000) AS ended", pid)["ended"]
    with pytest.raises(psycopg.OperationalError):
        holding.commit()
    assert ledger(admin) == before
    # Nobody has the right to settle any more.
    app.execute("SET lock_timeout = '1ms'")
    assert call(app, SETTLE, 10)["settled"] == 3
    assert_sound(admin)
