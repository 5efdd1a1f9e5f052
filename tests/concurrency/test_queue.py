"""Many queue, several process, a DBA cancels and others look: each request has one result."""

from __future__ import annotations

import time
from functools import partial
from threading import Barrier, Event
from typing import NamedTuple

import psycopg
import pytest

from tests.concurrency.test_transfers import deadlocks, flush_statistics
from tests.support.calls import (
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, kill, together, wait_until_blocked

CLIENTS = 16


def process_until(database: Database, done: Event, max_items: int) -> int:
    """Process slice after slice until others are done and nothing waits. How many that were."""
    processed = 0
    with database.connect("wallet_app") as connection:
        while True:
            last = done.is_set()
            number: int = value(connection, "process_pending", max_items)
            processed += number
            if last and number == 0:
                flush_statistics(connection)
                return processed


def test_who_waited_for_as_long_as_told_is_queued(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """The account is held all the while. Nothing is kept that others could wait for."""
    open_accounts(app, "100", "100")
    app.execute("SET lock_timeout = '1ms'")
    with holding.transaction():
        # A session that cannot wait as long leaves it to another one.
        call(holding, "deposit", 1, 1)
        assert refusal(app, "transfer_or_enqueue", 1, 2, 5, 1).sqlstate == "55P03"
        assert value(app, "SELECT pending FROM wallet.get_queue() LIMIT 1") == 0
    for held in (1, 2):
        for source, target in ((1, 2), (2, 1)):
            call(holding, "deposit", held, 1)
            with waiting.transaction():
                queued = call(waiting, "transfer_or_enqueue", source, target, 5, "0.02")
                assert queued["state"] == "pending"
                assert value(waiting, "SHOW lock_timeout") == "1min"
                # It may have had the lower account's lock before it gave up, and gave that back.
                call(app, "deposit", 3 - held, 1)
            assert value(waiting, "SHOW lock_timeout") == "1min"
            holding.commit()
            assert value(app, "process_pending", 10) == 1
            assert call(app, "get_transfer_result", queued["id"])["state"] == "succeeded"
    assert_sound(admin)


def test_who_waits_long_enough_is_not_queued(
    database: Database, app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """It waits for one account, then for the other."""
    open_accounts(app, "100", "100")
    call(holding, "deposit", 1, 1)
    with database.connect("wallet_app") as other, other.transaction():
        call(other, "deposit", 2, 1)
        with background(call, waiting, "transfer_or_enqueue", 2, 1, 101, 3600) as waiter:
            wait_until_blocked(admin, waiting, holding)
            holding.commit()
            wait_until_blocked(admin, waiting, other)
            assert not waiter.done()
            other.execute("COMMIT")
            result = waiter.result()
        other.execute("BEGIN")
    assert result["state"] == "succeeded", "what came in while it waited is there"
    assert balances(admin) == {1: "202.00", 2: "0.00"}
    assert ledger(admin).pending == []
    assert_sound(admin)


def test_to_queue_waits_for_nobody(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """Neither for who holds the accounts nor for a queue worker."""
    open_accounts(app, "100", "100")
    call(app, "enqueue_transfer", 1, 2, 5)
    call(holding, "process_pending", 10)
    waiting.execute("SET lock_timeout = '1ms'")
    id = call(waiting, "enqueue_transfer", 1, 2, 5)["id"]
    assert call(waiting, "get_transfer_result", id)["state"] == "pending"
    assert call(waiting, "get_transfer_result", id - 1)["state"] == "pending", (
        "the queue worker has not committed"
    )
    holding.commit()
    assert call(waiting, "get_transfer_result", id - 1)["state"] == "succeeded"
    assert value(waiting, "process_pending", 10) == 1


def test_a_second_queue_worker_waits_for_the_first_and_goes_on_where_it_ended(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """Or does it in its place, if that one is rolled back or killed."""
    open_accounts(app, "100", "0")
    ids = [call(app, "enqueue_transfer", 1, 2, amount)["id"] for amount in (1, 1, 500, 1, 1, 1)]
    before = ledger(admin)
    for end, entries in (
        (holding.rollback, [1, 2, None, None, None, None]),
        (holding.commit, [1, 2, None, 3, 4, 5]),
    ):
        assert value(holding, "process_pending", 2) == 2
        with background(value, waiting, "process_pending", 2) as waiter:
            wait_until_blocked(admin, waiting, holding)
            assert not waiter.done()
            end()
            assert waiter.result() == 2
        results = [call(app, "get_transfer_result", id) for id in ids]
        assert [result["target_entry"] for result in results] == entries
    assert results[2]["sqlstate"] == "WL006"
    assert_sound(admin)

    ids.append(call(app, "enqueue_transfer", 1, 2, 7)["id"])
    before = ledger(admin)
    assert value(holding, "process_pending", 10) == 1
    kill(admin, holding)
    with pytest.raises(psycopg.OperationalError):
        holding.commit()
    assert ledger(admin) == before
    # Nobody has the right to process the queue any more.
    app.execute("SET lock_timeout = '1ms'")
    assert value(app, "process_pending", 10) == 1
    assert_sound(admin)


def test_whoever_cancels_and_a_queue_worker_wait_for_each_other(
    app: Connection, admin: Connection, database: Database, holding: Connection, waiting: Connection
) -> None:
    """And decide by what the other one has done: each request has one result."""
    open_accounts(app, "100", "0")
    with database.connect() as dba:
        for end in ("commit", "rollback"):
            id = call(app, "enqueue_transfer", 1, 2, 1)["id"]
            assert value(holding, "process_pending", 1) == 1
            with background(answer, dba, "cancel_pending", id) as canceller:
                wait_until_blocked(admin, dba, holding)
                getattr(holding, end)()
                answered = canceller.result()
            result = call(app, "get_transfer_result", id)
            if end == "commit":
                assert (answered, result["state"]) == ("WL015", "succeeded")
            else:
                assert (answered, result["sqlstate"]) == (result, "WL014")
        for end, states in (
            ("COMMIT", ["succeeded", "failed", "succeeded"]),
            ("ROLLBACK", ["succeeded"] * 3),
        ):
            ids = [call(app, "enqueue_transfer", 1, 2, 1)["id"] for _ in range(3)]
            dba.execute("BEGIN")
            call(dba, "cancel_pending", ids[1])
            with background(value, waiting, "process_pending", 10) as worker:
                wait_until_blocked(admin, waiting, dba)
                dba.execute(end)
                assert worker.result() == states.count("succeeded")
            assert [call(app, "get_transfer_result", id)["state"] for id in ids] == states
    assert_sound(admin)


def test_what_moves_while_it_is_looked_for_is_found(
    database: Database, app: Connection, admin: Connection, waiting: Connection
) -> None:
    """It is processed when wallet.transaction was looked at and wallet.pending_transfer was not."""
    open_accounts(app, "1000", "0")
    for amount, state in (("0.01", "succeeded"), (5000, "failed")):
        id = call(app, "enqueue_transfer", 1, 2, amount)["id"]
        with database.connect() as worker:
            worker.execute("BEGIN; LOCK TABLE wallet.pending_transfer")
            with background(call, waiting, "get_transfer_result", id) as looker:
                wait_until_blocked(admin, waiting, worker)
                assert value(worker, "process_pending", 1) == 1
                worker.execute("COMMIT")
                assert looker.result()["state"] == "pending", "as it was when the look began"
        assert call(waiting, "get_transfer_result", id)["state"] == state


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
        for _ in range(30):
            sent = time.monotonic()
            id = call(connection, "enqueue_transfer", source, 1, "0.01")["id"]
            asked.append(Asked(sent, time.monotonic(), id))
        flush_statistics(connection)
    return asked


def test_what_was_answered_before_another_was_sent_is_processed_before_it(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Sixteen queue at once while two process, in slices; the target's entries tell the order."""
    open_accounts(app, "0", *["100"] * CLIENTS)
    done = Event()
    with (
        background(process_until, database, done, 1) as one,
        background(process_until, database, done, 7) as other,
    ):
        try:
            tasks = [partial(enqueue, database, source) for source in range(2, CLIENTS + 2)]
            asked = sum(together(tasks), list[Asked]())
        finally:
            done.set()
        processed = one.result() + other.result()
    assert processed == len(asked) == CLIENTS * 30
    entry = {row["id"]: row["target_entry"] for row in ledger(admin).transactions}
    by_answer = iter(sorted(asked, key=lambda request: request.answered))
    earlier = next(by_answer)
    latest = 0
    for request in sorted(asked):
        while earlier.answered < request.sent:
            latest = max(latest, entry[earlier.id])
            earlier = next(by_answer)
        assert entry[request.id] > latest, request
    assert call(app, "get_account", 1)["entry_count"] == len(asked)
    assert deadlocks(admin) == 0
    assert_sound(admin)
