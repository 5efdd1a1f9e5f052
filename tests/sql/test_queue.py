"""What is queued keeps its id, is processed in order as transfer() would, and has one result."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.sql.test_batches import (
    EACH_REQUEST,
    EACH_START,
    LOOP,
    REFUSAL,
    REQUESTS,
    STARTS,
    SUCCEEDED,
    Start,
    begin,
    count_from,
    each,
    expected_of,
    left,
    run,
    timeless,
)
from tests.support.calls import (
    Connection,
    Request,
    balances,
    batch,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
    value,
)
from tests.support.databases import Database, assert_sound

AT_ONCE = {"WL002", "WL003", "WL004"}


@pytest.fixture
def loop(admin: Connection) -> Connection:
    """A superuser's connection for each()."""
    for function, columns, more in (
        ("transfer", SUCCEEDED, ""),
        ("enqueue_transfer", "m.*", ""),
        ("transfer_or_enqueue", "m.*", ", 0"),
    ):
        admin.execute(LOOP.format(function=function, columns=columns, more=more))
    return admin


def idless(held: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What left() found, without the ids of transactions and what came of the queue."""
    return {
        "accounts": held["accounts"],
        "transactions": [{**row, "id": None} for row in held["transactions"]],
        "reversals": held["reversals"],
    }


def test_a_processed_queue_equals_its_transfers_one_by_one(loop: Connection) -> None:
    """In slices of any size, some cancelled before; each is recorded as transfer() answers."""
    seen: Counter[str] = Counter()

    @example(EACH_START, EACH_REQUEST, [2, 1], {1})
    @example(EACH_START, EACH_REQUEST, [], set())
    @given(STARTS, REQUESTS, st.lists(st.integers(1, 12), max_size=6), st.sets(st.integers(0, 24)))
    def holds(
        start: Start, requests: list[Request], slices: list[int], cancelled: set[int]
    ) -> None:
        with loop.transaction(force_rollback=True):
            begin(loop, start)
            next_id = len(ledger(loop).transactions) + 1
            with loop.transaction(force_rollback=True):
                all_at_once = expected_of(each(loop, "transfer", batch(requests)))
            count_from(loop, "transaction", next_id)
            queued = each(loop, "enqueue_transfer", batch(requests))
            # What is wrong with what was given is said at once, in the words of transfer().
            for result, expected in zip(expected_of(queued), all_at_once, strict=True):
                if result["state"] == "failed" or expected["sqlstate"] in AT_ONCE:
                    assert result == expected
                    seen[f"{result['sqlstate']} at once"] += 1
            kept = [
                (request, result)
                for request, result in zip(requests, queued, strict=True)
                if result["state"] == "pending"
            ]
            ids = [result["id"] for _, result in kept]
            assert ids == list(range(next_id, next_id + len(kept)))
            for number in cancelled & set(range(len(kept))):
                call(loop, "cancel_pending", ids[number])
            kept = [pair for number, pair in enumerate(kept) if number not in cancelled]
            with loop.transaction(force_rollback=True):
                asked = batch(request for request, _ in kept)
                expected_results = expected_of(each(loop, "transfer", asked))
                expected_left = idless(left(loop))

            waiting = len(kept)
            for size in [*slices, 25, 1]:
                assert value(loop, "process_pending", size) == min(size, waiting)
                waiting -= min(size, waiting)
            assert waiting == 0
            assert idless(left(loop)) == expected_left
            for (_, result), expected in zip(kept, expected_results, strict=True):
                processed = call(loop, "get_transfer_result", result["id"])
                assert timeless([processed]) == [{**expected, "id": result["id"]}]
                assert processed["ctime"] >= result["ctime"]
                seen[processed["sqlstate"] or "succeeded"] += 1
            assert {row["id"]: row["queued_at"] for row in ledger(loop).queued} == {
                result["id"]: result["ctime"] for result in queued if result["state"] == "pending"
            }
            for number in cancelled & set(range(len(ids))):
                assert call(loop, "get_transfer_result", ids[number])["sqlstate"] == "WL014"
                seen["WL014"] += 1
            assert rows(loop, "audit") == []
            assert ledger(loop).pending == []

    run(holds, 50)
    print(f"results: {dict(seen)}")
    assert set(seen) == {
        *("succeeded", "WL006", "WL007", "WL008", "WL014"),
        *(f"{sqlstate} at once" for sqlstate in AT_ONCE),
    }


def test_with_free_accounts_a_transfer_is_made_as_ever(loop: Connection) -> None:
    """Results, ids and final state of transfer_or_enqueue() are those of transfer()."""
    found = []
    with loop.transaction(force_rollback=True):
        begin(loop, EACH_START)
        for function in ("transfer", "transfer_or_enqueue"):
            count_from(loop, "transaction", 10)
            with loop.transaction(force_rollback=True):
                found.append((timeless(each(loop, function, batch(EACH_REQUEST))), left(loop)))
    assert found[0] == found[1]


def test_what_is_queued_is_pending_moves_nothing_and_keeps_its_id(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    with app.transaction():
        began = value(app, "SELECT clock_timestamp()")  # later than now()
        queued = call(app, "enqueue_transfer", 1, 2, "5.005")
        assert began < queued["ctime"] < value(app, "SELECT clock_timestamp()")
    nothing = ("source_entry", "target_entry", "source_balance", "target_balance", *REFUSAL)
    assert queued == {
        "id": 2,
        "source_account_id": 1,
        "target_account_id": 2,
        "amount": Decimal("5.01"),
        "ctime": queued["ctime"],
        "actor": "wallet_app",
        "state": "pending",
        **dict.fromkeys(nothing),
    }
    assert call(app, "get_transfer_result", 2) == queued
    assert refusal(app, "get_transaction", 2).sqlstate == "WL005"
    after = ledger(admin)
    assert [row["id"] for row in after.pending] == [2]
    assert after._replace(pending=[]) == before

    made = call(app, "transfer", 1, 2, 1)
    assert made["id"] == 3
    assert value(app, "process_pending", 10) == 1
    processed = call(app, "get_transaction", 2)
    assert (processed["source_entry"], str(processed["target_balance"])) == (3, "6.01")
    assert processed["ctime"] >= made["ctime"] > queued["ctime"]
    for id, row in ((2, processed), (3, made)):
        assert call(reader, "get_transfer_result", id) == {
            **row,
            "state": "succeeded",
            **dict.fromkeys(REFUSAL),
        }
    assert_sound(admin)


def test_what_the_accounts_hold_is_looked_at_when_a_transfer_is_processed(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "0", "0")
    queued = [call(app, "enqueue_transfer", 1, 2, amount) for amount in (1, 2)]
    call(app, "deposit", 1, 10)
    assert value(app, "process_pending", 1) == 1
    assert call(app, "get_transfer_result", queued[0]["id"])["state"] == "succeeded"
    call(admin, "freeze_account", 2)
    before = value(app, "SELECT clock_timestamp()")
    assert value(app, "process_pending", 1) == 1
    failed = call(app, "get_transfer_result", queued[1]["id"])
    diagnostic = refusal(app, "transfer", 1, 2, 2)
    assert [failed[part] for part in REFUSAL] == [
        diagnostic.sqlstate,
        diagnostic.message_primary,
        diagnostic.message_detail,
        diagnostic.message_hint,
    ]
    assert diagnostic.sqlstate == "WL008"
    assert before < failed["ctime"] < value(app, "SELECT clock_timestamp()"), "when it failed"
    assert_sound(admin)


def test_a_wrong_row_that_was_queued_by_hand_comes_to_nothing(
    app: Connection, admin: Connection
) -> None:
    """The table has no foreign key: process_pending() applies every rule."""
    open_accounts(app, "100", "100")
    for pair, sqlstate in (("1, 1", "WL003"), ("77, 2", "WL004"), ("1, 77", "WL004")):
        id = value(
            admin,
            "INSERT INTO wallet.pending_transfer (source_account_id, target_account_id, amount, "
            f"ctime) VALUES ({pair}, 1, now()) RETURNING id",
        )
        assert value(app, "process_pending", 10) == 1
        assert call(app, "get_transfer_result", id)["sqlstate"] == sqlstate
    assert list(balances(admin).values()) == ["100.00", "100.00"]
    assert_sound(admin)


def test_what_is_processed_and_rolled_back_waits_as_before(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    assert value(app, "process_pending", 2**31 - 1) == 0
    for amount in (5, 500):
        call(app, "enqueue_transfer", 1, 2, amount)
    before = ledger(admin)
    for max_items in (None, 0, -1, -(2**31)):
        diagnostic = refusal(app, "process_pending", max_items)
        assert diagnostic.sqlstate == "22023", max_items
        assert diagnostic.message_primary == "invalid max_items"
    with app.transaction(force_rollback=True):
        assert value(app, "process_pending", 10) == 2
        states = [call(app, "get_transfer_result", id)["state"] for id in (2, 3)]
        assert states == ["succeeded", "failed"]
    assert ledger(admin) == before
    assert value(app, "process_pending", 10) == 2
    assert_sound(admin)


def test_a_dba_takes_out_what_is_pending_and_nothing_else(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    ids = [call(app, "enqueue_transfer", 1, 2, amount)["id"] for amount in (5, 6, 500)]
    with admin.transaction():
        began = value(admin, "SELECT clock_timestamp()")  # later than now()
        cancelled = call(admin, "cancel_pending", ids[1])
    assert began < cancelled["ctime"] < value(admin, "SELECT clock_timestamp()")
    assert (cancelled["id"], cancelled["state"], cancelled["amount"]) == (ids[1], "failed", 6)
    assert [cancelled[part] for part in REFUSAL] == [
        *("WL014", "cancelled", f"Transaction {ids[1]} was cancelled while it was pending."),
        "Ask for the transfer again, if it is still wanted.",
    ]
    assert value(app, "process_pending", 10) == 2
    assert call(app, "get_transfer_result", ids[1]) == cancelled
    assert balances(admin) == {1: "95.00", 2: "5.00"}
    before = ledger(admin)
    for id in ids:  # It has succeeded, was cancelled, has failed.
        diagnostic = refusal(admin, "cancel_pending", id)
        assert (diagnostic.sqlstate, diagnostic.message_primary) == ("WL015", "not pending")
        assert diagnostic.message_detail == f"Transaction {id} has succeeded or failed already."
    assert ledger(admin) == before
    assert_sound(admin)


def test_a_wait_is_0_to_3600_seconds(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    for wait in (None, "-0.001", "3600.001", "NaN", "Infinity", "-Infinity"):
        # It is looked at before all else.
        diagnostic = refusal(app, "transfer_or_enqueue", 1, 1, 0, wait)
        assert diagnostic.sqlstate == "22023", wait
        assert diagnostic.message_primary == "invalid wait"
    assert ledger(admin) == before
    for wait in ("0", "-0.0", "0.0001", "0.5", "3600", "1e-16383"):
        assert call(app, "transfer_or_enqueue", 1, 2, 5, wait)["state"] == "succeeded", wait
    assert_sound(admin)


def test_the_callers_own_lock_timeout_is_left_alone(app: Connection) -> None:
    open_accounts(app, "100", "0")
    for lock_timeout in ("0", "7s", "1234ms"):
        app.execute(f"SET lock_timeout = '{lock_timeout}'")
        for _ in range(2):
            with app.transaction():
                assert call(app, "transfer_or_enqueue", 1, 2, 5, 1)["state"] == "succeeded"
                assert value(app, "SHOW lock_timeout") == lock_timeout
            assert value(app, "SHOW lock_timeout") == lock_timeout
        assert refusal(app, "transfer_or_enqueue", 1, 2, 500, 1).sqlstate == "WL006"
        assert value(app, "SHOW lock_timeout") == lock_timeout


def test_what_cannot_be_processed_is_set_aside_and_nothing_else_is(
    app: Connection, admin: Connection, database: Database
) -> None:
    open_accounts(app, "100", "0", "0")
    assert value(app, "set_aside_pending") is None
    poisoned, good = (call(app, "enqueue_transfer", 1, to, 5)["id"] for to in (2, 3))
    trigger = "TRIGGER poison {} ON wallet.account {} EXECUTE FUNCTION public.poison()"
    admin.execute(
        "CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.id = 2 THEN RAISE 'poison'; END IF; RETURN NEW; END $$"
    )
    try:
        for kind, when, how in (
            ("", "BEFORE UPDATE", "FOR EACH ROW"),
            ("CONSTRAINT", "AFTER UPDATE", "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"),
        ):
            with admin.transaction(force_rollback=True):
                admin.execute(f"CREATE {kind} {trigger.format(when, how)}")
                assert value(admin, "set_aside_pending") == poisoned
                failed = call(admin, "get_transfer_result", poisoned)
                assert (failed["sqlstate"], failed["message"]) == ("WL020", "processing failed")
                assert value(admin, "set_aside_pending") is None, "it was made"
                assert [row["id"] for row in ledger(admin).queued] == [poisoned, good]
                assert call(admin, "get_transfer_result", good)["state"] == "succeeded"
                assert ledger(admin).pending == []
                assert rows(admin, "audit") == []
    finally:
        admin.execute("DROP FUNCTION public.poison()")
    # A lock, or a call that takes too long, sets nothing aside.
    before = ledger(admin)
    with database.connect() as other, other.transaction():
        other.execute("SELECT FROM wallet.account WHERE id = 2 FOR UPDATE")
        for setting, sqlstate in (("lock_timeout", "55P03"), ("statement_timeout", "57014")):
            app.execute(f"SET {setting} = '50ms'")
            assert refusal(app, "set_aside_pending").sqlstate == sqlstate
            app.execute(f"RESET {setting}")
    assert ledger(admin) == before
    assert_sound(admin)


def test_the_first_of_the_queue_are_shown_with_how_many_there_are(app: Connection) -> None:
    (row,) = rows(app, "get_queue")
    assert row == {**dict.fromkeys(row), "pending": 0}, "an empty queue has a row without transfer"

    open_accounts(app, "100", "0")
    asked = [call(app, "enqueue_transfer", 1, 2, amount) for amount in (1, 2, 3)]
    members = ("id", "source_account_id", "target_account_id", "amount", "ctime")
    first = [{name: one[name] for name in members} for one in asked[:2]]
    shared = {"pending": 3, "oldest": asked[0]["ctime"]}
    assert rows(app, "get_queue", 2) == [{**shared, **one} for one in first]
