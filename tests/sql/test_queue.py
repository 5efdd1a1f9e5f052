"""What is queued keeps its id, is processed in order as transfer() would, and has one result."""

from __future__ import annotations

from decimal import Decimal

from tests.support.calls import (
    REFUSAL,
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
    value,
)
from tests.support.databases import Database, assert_sound


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


def test_a_wrong_row_that_was_queued_by_hand_comes_to_nothing(
    app: Connection, admin: Connection
) -> None:
    """The table has no foreign key: process_pending() applies every rule."""
    open_accounts(app, "100", "100")
    began = value(admin, "SELECT clock_timestamp()")
    for pair, sqlstate in (("1, 1", "WL003"), ("77, 2", "WL004"), ("1, 77", "WL004")):
        id = value(
            admin,
            "INSERT INTO wallet.pending_transfer (source_account_id, target_account_id, amount, "
            f"ctime) VALUES ({pair}, 1, '2026-01-01Z') RETURNING id",
        )
        assert value(app, "process_pending", 10) == 1
        failed = call(app, "get_transfer_result", id)
        assert failed["sqlstate"] == sqlstate
        assert failed["ctime"] > began, "when it failed"
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
        assert answer(admin, "cancel_pending", id) == "WL015"
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
