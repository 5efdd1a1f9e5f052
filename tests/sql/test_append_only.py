"""What is in the ledger is changed by nobody but a superuser who first says so."""

from __future__ import annotations

import pytest

from tests.support.calls import (
    CANCEL_PENDING,
    ENQUEUE_TRANSFER,
    REVERSE,
    SETTLE,
    TRANSFER,
    WITHDRAW,
    Connection,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound

REFUSED = "42501"
SAY_SO = "SET LOCAL wallet.change_history = on"
COLUMNS = {"transaction": "amount", "reversal": "reverses", "failed_transfer": "sqlstate"}
CHANGES = {
    "UPDATE": "UPDATE wallet.{table} SET {column} = {column}",
    "UPDATE of no row": "UPDATE wallet.{table} SET {column} = {column} WHERE false",
    "DELETE": "DELETE FROM wallet.{table}",
    "TRUNCATE": "TRUNCATE wallet.{table} CASCADE",
    "MERGE that updates": (
        "MERGE INTO wallet.{table} t USING (VALUES (1)) v ON true "
        "WHEN MATCHED THEN UPDATE SET {column} = t.{column}"
    ),
    "MERGE that deletes": (
        "MERGE INTO wallet.{table} t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE"
    ),
}
UPSERT = "INSERT INTO wallet.reversal VALUES (3, 2) ON CONFLICT (reverses) DO UPDATE SET reverses=2"
EVERY_TABLE = pytest.mark.parametrize("table", COLUMNS)
EVERY_CHANGE = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@pytest.fixture(autouse=True)
def history(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    call(app, TRANSFER, 1, 2, 30)
    call(app, REVERSE, 2)
    call(app, WITHDRAW, 1, 5)
    call(app, ENQUEUE_TRANSFER, 1, 2, 500)
    call(app, SETTLE, 1)
    call(admin, CANCEL_PENDING, call(app, ENQUEUE_TRANSFER, 1, 2, 5)["id"])


def statement(change: str, table: str) -> str:
    return change.format(table=table, column=COLUMNS[table])


def assert_refused(admin: Connection, statement: str, *before: str) -> None:
    kept = ledger(admin)
    with admin.transaction(force_rollback=True):
        for setting in before:
            admin.execute(setting)
        diagnostic = refusal(admin, statement)
    assert diagnostic.sqlstate == REFUSED
    assert "is refused" in (diagnostic.message_primary or "")
    assert diagnostic.message_detail == "What is in the ledger is never changed or deleted."
    assert "SET LOCAL wallet.change_history = on" in (diagnostic.message_hint or "")
    assert ledger(admin) == kept


@EVERY_TABLE
@EVERY_CHANGE
def test_the_owner_of_the_tables_is_refused(admin: Connection, table: str, change: str) -> None:
    assert_refused(admin, statement(change, table), "SET LOCAL ROLE wallet_owner")


@EVERY_TABLE
@EVERY_CHANGE
def test_the_owner_is_refused_even_if_it_says_so(
    admin: Connection, table: str, change: str
) -> None:
    assert_refused(admin, statement(change, table), SAY_SO, "SET LOCAL ROLE wallet_owner")


@EVERY_TABLE
@EVERY_CHANGE
def test_a_superuser_who_does_not_say_so_is_refused(
    admin: Connection, table: str, change: str
) -> None:
    assert_refused(admin, statement(change, table))


@EVERY_TABLE
@EVERY_CHANGE
def test_who_plays_the_part_of_a_replica_is_refused(
    admin: Connection, table: str, change: str
) -> None:
    replica = "SET LOCAL session_replication_role = replica"
    assert_refused(admin, statement(change, table), replica)
    assert_refused(admin, statement(change, table), replica, "SET LOCAL ROLE wallet_owner")


@pytest.mark.parametrize("value", ["off", "", "true", "yes", "1", "ON"])
def test_nothing_but_on_says_so(admin: Connection, value: str) -> None:
    said = f"SET LOCAL wallet.change_history = '{value}'"
    assert_refused(admin, "DELETE FROM wallet.transaction WHERE false", said)


def test_an_insert_that_would_update_is_refused(admin: Connection) -> None:
    for before in ((), ("SET LOCAL ROLE wallet_owner",)):
        assert_refused(admin, UPSERT, *before)


@EVERY_TABLE
@EVERY_CHANGE
def test_a_superuser_who_says_so_may(admin: Connection, table: str, change: str) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute(SAY_SO)
        if table == "transaction":
            admin.execute("DELETE FROM wallet.reversal")  # It would keep what it refers to.
        admin.execute(statement(change, table))


def test_what_a_superuser_changes_is_changed(admin: Connection) -> None:
    """The trigger that lets a statement pass does not swallow it."""
    with admin.transaction(force_rollback=True):
        admin.execute(SAY_SO)
        admin.execute("DELETE FROM wallet.reversal")
        assert admin.execute("UPDATE wallet.transaction SET amount = 1").rowcount == 4
        assert ledger(admin).reversals == []
        assert {str(row["amount"]) for row in ledger(admin).transactions} == {"1.00"}


def test_saying_so_ends_with_the_transaction(admin: Connection) -> None:
    with admin.transaction():
        admin.execute(SAY_SO)
    assert_refused(admin, "DELETE FROM wallet.transaction WHERE false")


def test_rows_are_still_added(app: Connection, admin: Connection) -> None:
    call(app, TRANSFER, 1, 2, 1)
    assert_sound(admin)


def test_an_insert_fires_no_trigger_of_ours(admin: Connection) -> None:
    """The hot path does not pay: the triggers are a statement's, and for no INSERT (4).

    Nor is that of account for an UPDATE (16).
    """
    rows = admin.execute(
        """
        SELECT t.tgname, t.tgtype::int & 1 AS is_row, t.tgtype::int & 4 AS is_insert,
               t.tgtype::int & 16 AS is_update
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'wallet'::regnamespace AND NOT t.tgisinternal ORDER BY 1
        """
    ).fetchall()
    assert [tuple(row.values()) for row in rows] == [
        ("account_history", 0, 0, 0),
        ("failed_transfer_history", 0, 0, 16),
        ("reversal_history", 0, 0, 16),
        ("transaction_history", 0, 0, 16),
    ]
