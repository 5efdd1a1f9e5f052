"""audit() finds each kind of damage, names it by row, and finds nothing in a sound ledger."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from psycopg.pq import TransactionStatus

from tests.support.calls import (
    DEPOSIT,
    FREEZE_ACCOUNT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    call,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import assert_sound
from tools.embedded import CHECKOUT

Row = tuple[str, int | None, int | None]
"""A violation, the account and the transaction that it is in."""

ACCOUNTS = (1, 2, 3, 4)
SUM: Row = ("sum_mismatch", None, None)


class Damage(NamedTuple):
    """What a superuser does, and all that an audit must say to it."""

    statements: tuple[str, ...]
    found: set[Row]


def drop(table: str, *constraints: str) -> str:
    return f"ALTER TABLE wallet.{table} " + ", ".join(
        f"DROP CONSTRAINT {constraint}" for constraint in constraints
    )


def insert(**values: object) -> str:
    names, written = ", ".join(values), ", ".join(str(value) for value in values.values())
    return f"INSERT INTO wallet.transaction (ctime, {names}) VALUES (clock_timestamp(), {written})"


def fail(id: int) -> str:
    """A transfer from 2 to 1 that came to nothing."""
    return f"INSERT INTO wallet.failed_transfer VALUES ({id}, 2, 1, 10, now(), 'WL006', '', '', '')"


# Of the ledger that `written` makes.
DAMAGES = {
    "a transfer is deleted": Damage(
        ("DELETE FROM wallet.transaction WHERE id = 3",),
        {
            *(("entry_gap", 1, 5), ("balance_chain", 1, 5)),
            *(("entry_gap", 2, 4), ("balance_chain", 2, 4)),
        },
    ),
    "a first deposit is deleted": Damage(
        ("DELETE FROM wallet.transaction WHERE id = 1",),
        {("entry_gap", 1, 3), ("balance_chain", 1, 3), SUM},
    ),
    "the last transaction is deleted": Damage(
        ("DELETE FROM wallet.transaction WHERE id = 7",),
        {
            *(("balance_mismatch", 1, 6), ("entry_count_mismatch", 1, 6), ("mtime_mismatch", 1, 6)),
            ("balance_mismatch", 3, None),
            ("entry_count_mismatch", 3, None),
            ("mtime_mismatch", 3, None),
        },
    ),
    "the ledger is emptied": Damage(
        ("TRUNCATE wallet.transaction, wallet.reversal",),
        {
            (violation, id, None)
            for violation in ("balance_mismatch", "entry_count_mismatch", "mtime_mismatch")
            for id in (1, 2, 3)
        }
        | {SUM},
    ),
    "a transfer's amount is changed": Damage(
        ("UPDATE wallet.transaction SET amount = 31 WHERE id = 3",),
        {("balance_chain", 1, 3), ("balance_chain", 2, 3)},
    ),
    "a withdrawal's amount is changed": Damage(
        ("UPDATE wallet.transaction SET amount = 21 WHERE id = 4",),
        {("balance_chain", 2, 4), SUM},
    ),
    "the balance after an entry is changed": Damage(
        ("UPDATE wallet.transaction SET source_balance = 71 WHERE id = 3",),
        {("balance_chain", 1, 3), ("balance_chain", 1, 5)},
    ),
    "an entry number is given out twice": Damage(
        ("UPDATE wallet.transaction SET target_entry = 2 WHERE id = 5",),
        {("entry_gap", 1, 5), ("entry_gap", 1, 6)},
    ),
    "two entries change places": Damage(
        (
            "DROP INDEX wallet.transaction_source_entry",
            "UPDATE wallet.transaction SET source_entry = 7 - source_entry WHERE id IN (4, 5)",
        ),
        {
            *(("balance_chain", 2, 4), ("balance_chain", 2, 5), ("balance_chain", 2, 6)),
            ("time_backwards", 2, 4),
        },
    ),
    "an entry is dated before the one before": Damage(
        ("UPDATE wallet.transaction SET ctime = ctime - interval '1 day' WHERE id = 5",),
        {("time_backwards", 1, 5), ("time_backwards", 2, 5)},
    ),
    "an account is opened after its first entry": Damage(
        ("UPDATE wallet.account SET ctime = clock_timestamp() WHERE id = 3",),
        {("time_backwards", 3, 7)},
    ),
    "a balance comes from nowhere": Damage(
        ("UPDATE wallet.account SET balance = balance + 1000 WHERE id = 2",),
        {("balance_mismatch", 2, 6), SUM},
    ),
    "a balance moves without an entry": Damage(
        (
            "UPDATE wallet.account SET balance = balance - 1 WHERE id = 2",
            "UPDATE wallet.account SET balance = balance + 1 WHERE id = 4",
        ),
        {("balance_mismatch", 2, 6), ("balance_mismatch", 4, None)},
    ),
    "a balance is below zero": Damage(
        (
            drop("account", "account_balance_range"),
            "UPDATE wallet.account SET balance = -1 WHERE id = 4",
        ),
        {("balance_out_of_range", 4, None), ("balance_mismatch", 4, None), SUM},
    ),
    "a balance is no number": Damage(
        (
            drop("account", "account_balance_range"),
            "UPDATE wallet.account SET balance = 'NaN' WHERE id = 1",
        ),
        {("balance_out_of_range", 1, None), ("balance_mismatch", 1, 7), SUM},
    ),
    "a balance was below zero for a while": Damage(
        (
            drop("transaction", "transaction_balance_range"),
            insert(source_account_id=3, source_entry=2, source_balance=-5, amount=10),
            insert(target_account_id=3, target_entry=3, target_balance=5, amount=10),
            "UPDATE wallet.account SET entry_count = 3, mtime = t.ctime "
            "FROM wallet.transaction t WHERE account.id = 3 AND t.id = 9",
        ),
        {("balance_out_of_range", 3, 8)},
    ),
    "an account counts too many entries": Damage(
        ("UPDATE wallet.account SET entry_count = 9 WHERE id = 1",),
        {("entry_count_mismatch", 1, 7)},
    ),
    "an account without entries counts one": Damage(
        ("UPDATE wallet.account SET entry_count = 1 WHERE id = 4",),
        {("entry_count_mismatch", 4, None)},
    ),
    "an account says another time than its last entry": Damage(
        ("UPDATE wallet.account SET mtime = mtime + interval '1 second' WHERE id = 1",),
        {("mtime_mismatch", 1, 7)},
    ),
    "an account without entries says it changed": Damage(
        ("UPDATE wallet.account SET mtime = mtime + interval '1 second' WHERE id = 4",),
        {("mtime_mismatch", 4, None)},
    ),
    "an account with entries is deleted": Damage(
        ("DELETE FROM wallet.account WHERE id = 3",),
        {("orphan_entry", 3, 7), SUM},
    ),
    "a deposit is forged on a replica": Damage(
        (
            "SET LOCAL session_replication_role = replica",
            insert(target_account_id=77, target_entry=1, target_balance=5, amount=5),
        ),
        {("orphan_entry", 77, 8), SUM},
    ),
    "a deposit is forged into an account": Damage(
        (insert(target_account_id=4, target_entry=1, target_balance=5, amount=5),),
        {
            *(("balance_mismatch", 4, 8), ("entry_count_mismatch", 4, 8), ("mtime_mismatch", 4, 8)),
            SUM,
        },
    ),
    "an amount is nothing": Damage(
        (
            drop("transaction", "transaction_amount_range"),
            "UPDATE wallet.transaction SET amount = 0 WHERE id = 7",
        ),
        {("amount_out_of_range", None, 7), ("balance_chain", 1, 7), ("balance_chain", 3, 7)},
    ),
    "an amount is no number": Damage(
        (
            drop("transaction", "transaction_amount_range"),
            "UPDATE wallet.transaction SET amount = 'NaN' WHERE id = 7",
        ),
        {("amount_out_of_range", None, 7), ("balance_chain", 1, 7), ("balance_chain", 3, 7)},
    ),
    "an amount goes the other way": Damage(
        (
            drop("transaction", "transaction_amount_range"),
            insert(
                source_account_id=3,
                source_entry=2,
                source_balance=6,
                target_account_id=4,
                target_entry=1,
                target_balance=0,
                amount=-1,
            ),
        ),
        {
            ("amount_out_of_range", None, 8),
            ("balance_chain", 4, 8),
            *(("balance_mismatch", 3, 8), ("entry_count_mismatch", 3, 8), ("mtime_mismatch", 3, 8)),
            *(("entry_count_mismatch", 4, 8), ("mtime_mismatch", 4, 8)),
        },
    ),
    "an account pays itself": Damage(
        (
            drop("transaction", "transaction_two_accounts"),
            "UPDATE wallet.transaction "
            "SET target_account_id = 1, target_entry = 6, target_balance = 70 WHERE id = 7",
            "UPDATE wallet.account SET balance = 70, entry_count = 6 WHERE id = 1",
            "UPDATE wallet.account SET balance = 0, entry_count = 0, mtime = ctime WHERE id = 3",
        ),
        {("same_account", None, 7)},
    ),
    "a side has no balance": Damage(
        (
            drop("transaction", "transaction_target_complete"),
            "UPDATE wallet.transaction SET target_balance = NULL WHERE id = 7",
        ),
        {("incomplete", None, 7), ("balance_chain", 3, 7), ("balance_mismatch", 3, 7)},
    ),
    "a side has no entry": Damage(
        (
            drop("transaction", "transaction_source_complete"),
            "UPDATE wallet.transaction SET source_entry = NULL WHERE id = 7",
        ),
        {("incomplete", None, 7), ("entry_gap", 1, 7), ("entry_count_mismatch", 1, 7)},
    ),
    "a side has an entry and no account": Damage(
        (
            drop("transaction", "transaction_target_complete"),
            "UPDATE wallet.transaction SET target_entry = 1 WHERE id = 4",
        ),
        {("incomplete", None, 4)},
    ),
    "a transaction has no account at all": Damage(
        (drop("transaction", "transaction_some_account"), insert(amount=5)),
        {("incomplete", None, 8), SUM},
    ),
    "a reversal links to a transaction that is not there": Damage(
        (
            drop("reversal", "reversal_transaction_id_fkey"),
            "INSERT INTO wallet.reversal VALUES (77, 7)",
        ),
        {("reversal_orphan", None, 77)},
    ),
    "what was reversed is deleted": Damage(
        (
            drop("reversal", "reversal_reverses_fkey"),
            "DELETE FROM wallet.transaction WHERE id = 5",
        ),
        {
            ("reversal_orphan", None, 6),
            *(("entry_gap", 1, 6), ("balance_chain", 1, 6)),
            *(("entry_gap", 2, 6), ("balance_chain", 2, 6)),
        },
    ),
    "another transfer is called a reversal": Damage(
        ("INSERT INTO wallet.reversal VALUES (7, 3)",),
        {("reversal_mismatch", None, 7)},
    ),
    "a reversal is turned around": Damage(
        (
            drop("reversal", "reversal_comes_later"),
            "UPDATE wallet.reversal SET transaction_id = 5, reverses = 6",
        ),
        {("reversal_before", None, 5)},
    ),
    "a reversal is reversed": Damage(
        (
            "SELECT wallet.transfer(2, 1, 10)",
            "INSERT INTO wallet.reversal VALUES (8, 6)",
        ),
        {("reversal_of_reversal", None, 8)},
    ),
    "a transaction is reversed twice": Damage(
        (
            drop("reversal", "reversal_reverses_key"),
            "SELECT wallet.transfer(1, 2, 10)",
            "INSERT INTO wallet.reversal VALUES (8, 5)",
        ),
        {("reversed_twice", None, 8)},
    ),
    "what succeeded is pending again": Damage(
        ("INSERT INTO wallet.pending_transfer VALUES (3, 1, 2, 30, now())",),
        {("two_outcomes", None, 3)},
    ),
    "what was settled has failed too": Damage(
        (fail(5),),
        {("two_outcomes", None, 5)},
    ),
    "what waits has failed already": Damage(
        (fail(8), "INSERT INTO wallet.pending_transfer VALUES (8, 2, 1, 10, now())"),
        {("two_outcomes", None, 8)},
    ),
    "one has all three outcomes": Damage(
        (fail(5), "INSERT INTO wallet.pending_transfer VALUES (5, 2, 1, 10, now())"),
        {("two_outcomes", None, 5)},
    ),
}
EVERY_DAMAGE = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


@pytest.fixture(autouse=True)
def written(app: Connection) -> None:
    """A ledger with transactions of every kind, and account 4 without one."""
    open_accounts(app, "100", "50", "0", "0")
    made = [
        call(app, TRANSFER, 1, 2, 30),
        call(app, WITHDRAW, 2, 20),
        call(app, TRANSFER, 2, 1, 10),
        call(app, REVERSE, 5),
        call(app, TRANSFER, 1, 3, 5),
    ]
    assert [transaction["id"] for transaction in made] == [3, 4, 5, 6, 7]


def do(admin: Connection, damage: Damage) -> None:
    assert admin.info.transaction_status == TransactionStatus.INTRANS, "it must be undone"
    admin.execute("SET LOCAL wallet.change_history = on")
    for statement in damage.statements:
        admin.execute(statement)


def audit(connection: Connection, account_id: int | None = None) -> list[Row]:
    found = rows(connection, "SELECT * FROM wallet.audit(%s)", account_id)
    assert all(row["detail"] for row in found)
    return [(row["violation"], row["account_id"], row["transaction_id"]) for row in found]


@EVERY_DAMAGE
def test_damage_is_found_and_named_by_row(admin: Connection, damage: Damage) -> None:
    with admin.transaction(force_rollback=True):
        do(admin, damage)
        admin.execute("SET LOCAL ROLE wallet_reader")
        found = audit(admin)
    assert set(found) == damage.found
    assert len(found) == len(damage.found), "each is named once"


@EVERY_DAMAGE
def test_an_account_is_told_of_its_own_damage_alone(admin: Connection, damage: Damage) -> None:
    with admin.transaction(force_rollback=True):
        do(admin, damage)
        there = {row["id"] for row in rows(admin, "SELECT id FROM wallet.account")}
        for id in ACCOUNTS:
            if id not in there:
                continue
            own = {
                (violation, account, transaction)
                for violation, account, transaction in damage.found - {SUM}
                if account == id or (account is None and id in parties(admin, transaction))
            }
            assert set(audit(admin, id)) == own, f"account {id}"


def parties(admin: Connection, transaction_id: int | None) -> set[int | None]:
    """The accounts of a transaction, of what it is said to reverse, and of what waits or failed."""
    found = rows(
        admin,
        "SELECT source_account_id AS source, target_account_id AS target FROM wallet.transaction "
        "WHERE id IN (%s, (SELECT reverses FROM wallet.reversal WHERE transaction_id = %s)) "
        "UNION SELECT source_account_id, target_account_id FROM wallet.failed_transfer "
        "WHERE id = %s",
        transaction_id,
        transaction_id,
        transaction_id,
    )
    return {account for row in found for account in (row["source"], row["target"])}


def test_each_kind_of_violation_is_shown_above() -> None:
    """Each of those that the files list under `Finds`."""
    listed: set[str] = set()
    for name in ("audit_entries", "audit_transactions", "audit_reversals", "audit_queue"):
        text = (CHECKOUT / f"sql/functions/{name}.sql").read_text(encoding="utf-8")
        listed.update(re.findall(r"^--   ([a-z_]+)  +\S", text, re.M))
    assert len(listed) >= 10
    assert {violation for damage in DAMAGES.values() for violation, _, _ in damage.found} == listed


def test_a_sound_ledger_has_no_violation(app: Connection, admin: Connection) -> None:
    call(admin, FREEZE_ACCOUNT, 2)
    assert audit(admin) == []
    assert [audit(admin, id) for id in ACCOUNTS] == [[], [], [], []]
    assert_sound(admin)


def test_an_empty_ledger_has_no_violation(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL wallet.change_history = on")
        admin.execute("TRUNCATE wallet.account, wallet.transaction, wallet.reversal")
        assert audit(admin) == []


def test_wallet_reader_audits(reader: Connection) -> None:
    assert audit(reader) == audit(reader, 1) == []
    assert refusal(reader, "SELECT wallet.audit(77)").sqlstate == "WL004"


def test_an_audit_says_what_it_found(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        do(admin, DAMAGES["a balance comes from nowhere"])
        found = rows(admin, "SELECT violation, detail FROM wallet.audit()")
    assert [tuple(row.values()) for row in found] == [
        ("balance_mismatch", "the account holds 1060.00, its last entry says 60.00"),
        (
            "sum_mismatch",
            "the balances add up to 1130.00, deposits minus withdrawals to 130.00",
        ),
    ]


def test_an_audit_sees_what_its_caller_has_not_committed_yet(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        call(admin, DEPOSIT, 4, 5)
        call(admin, REVERSE, 7)
        assert audit(admin) == audit(admin, 4) == []
        admin.execute("UPDATE wallet.account SET balance = 4 WHERE id = 4")
        assert audit(admin, 4) == [("balance_mismatch", 4, 8)]


def test_an_audit_keeps_no_writer_waiting(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    """A writer commits while the auditor's transaction is open, and a DBA freezes."""
    app.execute("SET lock_timeout = '1ms'")
    admin.execute("SET lock_timeout = '1ms'")
    with reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert audit(reader) == []
        before: list[dict[str, Any]] = rows(reader, "SELECT * FROM wallet.account ORDER BY id")
        call(app, TRANSFER, 1, 2, 1)
        call(app, DEPOSIT, 4, 1)
        call(admin, FREEZE_ACCOUNT, 3)
        assert audit(reader) == [], "it goes on seeing the snapshot that it began with"
        assert rows(reader, "SELECT * FROM wallet.account ORDER BY id") == before
    assert audit(reader) == []
    assert_sound(admin)


def test_an_audit_waits_for_no_writer(app: Connection, reader: Connection) -> None:
    reader.execute("SET lock_timeout = '1ms'")
    with app.transaction():
        call(app, TRANSFER, 1, 2, 1)
        assert audit(reader) == audit(reader, 1) == []
