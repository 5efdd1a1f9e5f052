"""What is in the ledger is changed by nobody but a superuser who first says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.calls import Connection, call, ledger, open_accounts, refusal, rows

SAY_SO = "SET LOCAL wallet.change_history = on"
OWNER = "SET LOCAL ROLE wallet_owner"
REPLICA = "SET LOCAL session_replication_role = replica"
COLUMNS = {
    "transaction": "amount",
    "reversal": "reverses",
    "failed_transfer": "sqlstate",
    "queued_transfer": "queued_at",
    "event_log": "event",
    "hold_capture": "hold_id",
    "limit_change": "entry",
    "transaction_annotation": "reference",
    "account_annotation": "reference",
}
REMOVALS = (
    "DELETE FROM wallet.{table}",
    "DELETE FROM wallet.{table} WHERE false",
    "TRUNCATE wallet.{table} CASCADE",
    "MERGE INTO wallet.{table} t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE",
)
CHANGES = (
    *REMOVALS,
    "UPDATE wallet.{table} SET {column} = {column}",
    "UPDATE wallet.{table} SET {column} = {column} WHERE false",
    "MERGE INTO wallet.{table} t USING (VALUES (1)) v ON true "
    "WHEN MATCHED THEN UPDATE SET {column} = t.{column}",
)
UPSERT = "INSERT INTO wallet.reversal VALUES (3, 2) ON CONFLICT (reverses) DO UPDATE SET reverses=2"


@pytest.fixture(autouse=True)
def history(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    call(app, "transfer", 1, 2, 30)
    call(app, "reverse", 2)
    call(app, "withdraw", 1, 5)
    call(app, "enqueue_transfer", 1, 2, 500)
    call(app, "process_pending", 1)
    call(admin, "cancel_pending", call(app, "enqueue_transfer", 1, 2, 5)["id"])


def statements() -> Iterator[tuple[str, str]]:
    """Each way to change each table that has history, and to remove an account."""
    for table, column in COLUMNS.items():
        for change in CHANGES:
            yield table, change.format(table=table, column=column)
    for removal in REMOVALS:
        yield "account", removal.format(table="account")


def assert_refused(admin: Connection, statement: str, *before: str) -> None:
    case = (statement, before)
    with admin.transaction(force_rollback=True):
        for setting in before:
            admin.execute(setting)
        diagnostic = refusal(admin, statement)
    assert diagnostic.sqlstate == "42501", case
    assert "is refused" in (diagnostic.message_primary or ""), case
    assert "never changed or deleted" in (diagnostic.message_detail or ""), case
    assert SAY_SO in (diagnostic.message_hint or ""), case


def test_nobody_changes_history(admin: Connection) -> None:
    """Neither the owner, who may not even say so, nor who plays the part of a replica."""
    before = ledger(admin)
    for _, statement in [*statements(), ("reversal", UPSERT)]:
        for settings in ((), (OWNER,), (SAY_SO, OWNER), (REPLICA,), (REPLICA, OWNER)):
            assert_refused(admin, statement, *settings)
    for value in ("off", "", "true", "yes", "1", "ON"):
        said = f"SET LOCAL wallet.change_history = '{value}'"
        assert_refused(admin, "DELETE FROM wallet.transaction", said)
    with admin.transaction():
        admin.execute(SAY_SO)
    assert_refused(admin, "DELETE FROM wallet.transaction")  # Saying so ends with the transaction.
    assert ledger(admin) == before


def test_a_superuser_who_says_so_may(admin: Connection) -> None:
    for table, statement in statements():
        with admin.transaction(force_rollback=True):
            admin.execute(SAY_SO)
            if table == "transaction":
                admin.execute("DELETE FROM wallet.reversal")  # It would keep what it refers to.
            admin.execute(statement)
            if "false" not in statement and "SET" not in statement:
                assert rows(admin, f"SELECT FROM wallet.{table}") == [], statement
    with admin.transaction(force_rollback=True):
        admin.execute(SAY_SO)
        admin.execute("DELETE FROM wallet.reversal")
        assert admin.execute("UPDATE wallet.transaction SET amount = 1").rowcount == 4
        assert {str(row["amount"]) for row in ledger(admin).transactions} == {"1.00"}
