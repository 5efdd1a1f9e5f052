"""audit() finds each kind of damage, names it by row, and finds nothing in a sound ledger."""

from __future__ import annotations

import re

import pytest
from psycopg.pq import TransactionStatus

from tests.support.calls import Connection, call, open_accounts, rows
from tests.support.databases import assert_sound
from tools.embedded import CHECKOUT

Row = tuple[str, int | None, int | None]
"""A violation, the account and the transaction that it is in."""

ACCOUNTS = (1, 2, 3, 4)
SUM: Row = ("sum_mismatch", None, None)


# Of the ledger that `written` makes: what a superuser does, and all that an audit must say to it.
# A violation is named with the account and the transaction that it is in, or `-` for none.
DAMAGES = {
    "a transfer is deleted": (
        "DELETE FROM wallet.transaction WHERE id = 3",
        "balance_chain 2 4, entry_gap 2 4, balance_chain 1 5, entry_gap 1 5",
    ),
    "a first deposit is deleted": (
        "DELETE FROM wallet.transaction WHERE id = 1",
        "sum_mismatch - -, balance_chain 1 3, entry_gap 1 3",
    ),
    "the ledger is emptied": (
        "TRUNCATE wallet.transaction, wallet.reversal",
        "sum_mismatch - -, balance_mismatch 1 -, entry_count_mismatch 1 -, mtime_mismatch 1 -, "
        "balance_mismatch 2 -, entry_count_mismatch 2 -, mtime_mismatch 2 -, "
        "balance_mismatch 3 -, entry_count_mismatch 3 -, mtime_mismatch 3 -",
    ),
    "a transfer's amount is changed": (
        "UPDATE wallet.transaction SET amount = 31 WHERE id = 3",
        "balance_chain 1 3, balance_chain 2 3",
    ),
    "the balance after an entry is changed": (
        "UPDATE wallet.transaction SET source_balance = 71 WHERE id = 3",
        "balance_chain 1 3, balance_chain 1 5",
    ),
    "an entry number is given out twice": (
        "UPDATE wallet.transaction SET target_entry = 2 WHERE id = 5",
        "entry_gap 1 5, entry_gap 1 6",
    ),
    "two entries change places": (
        "DROP INDEX wallet.transaction_source_entry; UPDATE wallet.transaction SET source_entry "
        "= 7 - source_entry WHERE id IN (4, 5)",
        "balance_chain 2 4, time_backwards 2 4, balance_chain 2 5, balance_chain 2 6",
    ),
    "an entry is dated before the one before": (
        "UPDATE wallet.transaction SET ctime = ctime - interval '1 day' WHERE id = 5",
        "time_backwards 1 5, time_backwards 2 5",
    ),
    "an account is opened after its first entry": (
        "UPDATE wallet.account SET ctime = clock_timestamp() WHERE id = 3",
        "time_backwards 3 7",
    ),
    "a balance comes from nowhere": (
        "UPDATE wallet.account SET balance = balance + 1000 WHERE id = 2",
        "sum_mismatch - -, balance_mismatch 2 6",
    ),
    "a balance moves without an entry": (
        "UPDATE wallet.account SET balance = balance - 1 WHERE id = 2; UPDATE wallet.account "
        "SET balance = balance + 1 WHERE id = 4",
        "balance_mismatch 4 -, balance_mismatch 2 6",
    ),
    "a balance is below zero": (
        "ALTER TABLE wallet.account DROP CONSTRAINT account_within_limits; UPDATE wallet.account "
        "SET balance = -1 WHERE id = 4",
        "sum_mismatch - -, balance_mismatch 4 -, balance_out_of_range 4 -",
    ),
    "a balance is no number": (
        "ALTER DOMAIN wallet.balance DROP CONSTRAINT balance_range; ALTER TABLE wallet.account "
        "DROP CONSTRAINT account_within_limits; UPDATE wallet.account SET balance = 'NaN' "
        "WHERE id = 1",
        "sum_mismatch - -, balance_out_of_range 1 -, balance_mismatch 1 7",
    ),
    "a balance was below zero for a while": (
        "INSERT INTO "
        "wallet.transaction (ctime, source_account_id, source_entry, source_balance, amount) "
        "VALUES (clock_timestamp(), 3, 2, -5, 10); INSERT INTO wallet.transaction (ctime, "
        "target_account_id, target_entry, target_balance, amount) VALUES (clock_timestamp(), 3, "
        "3, 5, 10); UPDATE wallet.account SET entry_count = 3, mtime = t.ctime FROM "
        "wallet.transaction t WHERE account.id = 3 AND t.id = 9",
        "balance_out_of_range 3 8",
    ),
    "an account counts too many entries": (
        "UPDATE wallet.account SET entry_count = 9 WHERE id = 1",
        "entry_count_mismatch 1 7",
    ),
    "an account says another time than its last entry": (
        "UPDATE wallet.account SET mtime = mtime + interval '1 second' WHERE id = 1",
        "mtime_mismatch 1 7",
    ),
    "an account without entries says it changed": (
        "UPDATE wallet.account SET mtime = mtime + interval '1 second' WHERE id = 4",
        "mtime_mismatch 4 -",
    ),
    "an account with entries is deleted": (
        "DELETE FROM wallet.account WHERE id = 3",
        "sum_mismatch - -, orphan_entry 3 7",
    ),
    "a deposit is forged on a replica": (
        "SET LOCAL session_replication_role = replica; INSERT INTO wallet.transaction (ctime, "
        "target_account_id, target_entry, target_balance, amount) VALUES (clock_timestamp(), "
        "77, 1, 5, 5)",
        "sum_mismatch - -, orphan_entry 77 8",
    ),
    "a deposit is forged into an account": (
        "INSERT INTO wallet.transaction (ctime, target_account_id, target_entry, "
        "target_balance, amount) VALUES (clock_timestamp(), 4, 1, 5, 5)",
        "sum_mismatch - -, balance_mismatch 4 8, entry_count_mismatch 4 8, mtime_mismatch 4 8",
    ),
    "an amount is nothing": (
        "ALTER DOMAIN wallet.amount DROP CONSTRAINT amount_range; UPDATE wallet.transaction SET "
        "amount = 0 WHERE id = 7",
        "amount_out_of_range - 7, balance_chain 1 7, balance_chain 3 7",
    ),
    "an amount is no number": (
        "ALTER DOMAIN wallet.amount DROP CONSTRAINT amount_range; UPDATE wallet.transaction SET "
        "amount = 'NaN' WHERE id = 7",
        "amount_out_of_range - 7, balance_chain 1 7, balance_chain 3 7",
    ),
    "an amount goes the other way": (
        "ALTER DOMAIN wallet.amount DROP CONSTRAINT amount_range; INSERT INTO "
        "wallet.transaction (ctime, source_account_id, source_entry, source_balance, "
        "target_account_id, target_entry, target_balance, amount) VALUES (clock_timestamp(), 3, "
        "2, 6, 4, 1, 0, -1)",
        "amount_out_of_range - 8, balance_mismatch 3 8, entry_count_mismatch 3 8, "
        "mtime_mismatch 3 8, balance_chain 4 8, entry_count_mismatch 4 8, mtime_mismatch 4 8",
    ),
    "an account pays itself": (
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_complete; UPDATE "
        "wallet.transaction SET target_account_id = 1, target_entry = 6, target_balance = 70 "
        "WHERE id = 7; UPDATE wallet.account SET balance = 70, entry_count = 6 WHERE id = 1; "
        "UPDATE wallet.account SET balance = 0, entry_count = 0, mtime = ctime WHERE id = 3",
        "same_account - 7",
    ),
    "a side has no balance": (
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_complete; UPDATE "
        "wallet.transaction SET target_balance = NULL WHERE id = 7",
        "incomplete - 7, balance_chain 3 7, balance_mismatch 3 7",
    ),
    "a side has no entry": (
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_complete; UPDATE "
        "wallet.transaction SET source_entry = NULL WHERE id = 7",
        "incomplete - 7, entry_count_mismatch 1 7, entry_gap 1 7",
    ),
    "a side has an entry and no account": (
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_complete; UPDATE "
        "wallet.transaction SET target_entry = 1 WHERE id = 4",
        "incomplete - 4",
    ),
    "a transaction has no account at all": (
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_complete; INSERT INTO "
        "wallet.transaction (ctime, amount) VALUES (clock_timestamp(), 5)",
        "sum_mismatch - -, incomplete - 8",
    ),
    "a reversal links to a transaction that is not there": (
        "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_transaction_id_fkey; INSERT INTO "
        "wallet.reversal VALUES (77, 7)",
        "reversal_orphan - 77",
    ),
    "what was reversed is deleted": (
        "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_reverses_fkey; DELETE FROM "
        "wallet.transaction WHERE id = 5",
        "reversal_orphan - 6, balance_chain 1 6, entry_gap 1 6, balance_chain 2 6, entry_gap 2 6",
    ),
    "another transfer is called a reversal": (
        "INSERT INTO wallet.reversal VALUES (7, 3)",
        "reversal_mismatch - 7",
    ),
    "a reversal is turned around": (
        "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_comes_later; UPDATE "
        "wallet.reversal SET transaction_id = 5, reverses = 6",
        "reversal_before - 5",
    ),
    "a reversal is reversed": (
        "SELECT wallet.transfer(2, 1, 10); INSERT INTO wallet.reversal VALUES (8, 6)",
        "reversal_of_reversal - 8",
    ),
    "a transaction is reversed twice": (
        "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_reverses_key; SELECT "
        "wallet.transfer(1, 2, 10); INSERT INTO wallet.reversal VALUES (8, 5)",
        "reversed_twice - 8",
    ),
    "what an account holds back is not what its holds say": (
        "UPDATE wallet.account SET held = held + 1 WHERE id = 1",
        "held_mismatch 1 -",
    ),
    "a hold comes from nowhere": (
        "INSERT INTO wallet.hold VALUES (DEFAULT, 2, 5, 0, 'held', now() + interval '1 day', "
        "now(), 'x')",
        "held_mismatch 2 -",
    ),
    "a hold is opened again": (
        "SELECT wallet.release(1); UPDATE wallet.hold SET state = 'held'",
        "held_mismatch 1 -",
    ),
    "more is held than the account may hold": (
        "ALTER TABLE wallet.account DROP CONSTRAINT account_within_limits; UPDATE wallet.account "
        "SET held = 1000 WHERE id = 1; UPDATE wallet.hold SET amount = 1000",
        "held_out_of_range 1 -",
    ),
    "a hold says another sum was captured": (
        "SELECT wallet.capture(1, 2, 3); UPDATE wallet.hold SET captured = 3; UPDATE "
        "wallet.account SET held = 2 WHERE id = 1",
        "captured_mismatch 1 -",
    ),
    "a capture's link is deleted": (
        "SELECT wallet.capture(1, 2, 3); DELETE FROM wallet.hold_capture",
        "captured_mismatch 1 -",
    ),
    "a capture links to a transaction that is not there": (
        "INSERT INTO wallet.hold_capture VALUES (1, 77)",
        "capture_mismatch 1 77",
    ),
    "another account's withdrawal is called a capture": (
        "INSERT INTO wallet.hold_capture VALUES (1, 4); UPDATE wallet.hold SET amount = 25, "
        "captured = 20",
        "capture_mismatch 1 4",
    ),
    "a hold is captured without a capture": (
        "UPDATE wallet.hold SET state = 'captured'; UPDATE wallet.account SET held = 0 "
        "WHERE id = 1",
        "hold_state 1 -",
    ),
    "a hold never expires": ("UPDATE wallet.hold SET expires_at = 'infinity'", "hold_state 1 -"),
    "limits are changed without a word": (
        "UPDATE wallet.account SET maximum = 5000 WHERE id = 1",
        "limit_mismatch 1 -",
    ),
    "a change of limits is forged": (
        "INSERT INTO wallet.limit_change VALUES (DEFAULT, 1, 2, 0, 75, now(), 'x')",
        "limit_mismatch 1 -, balance_out_of_range 1 5",
    ),
    "what succeeded is pending again": (
        "INSERT INTO wallet.pending_transfer VALUES (3, 1, 2, 30, now())",
        "two_results - 3",
    ),
    "what was processed has failed too": (
        "INSERT INTO wallet.failed_transfer VALUES (5, 2, 1, 10, now(), 'WL006', '', '', '')",
        "two_results - 5",
    ),
    "one is in all three states": (
        "INSERT INTO wallet.failed_transfer VALUES (5, 2, 1, 10, now(), 'WL006', '', '', ''); "
        "INSERT INTO wallet.pending_transfer VALUES (5, 2, 1, 10, now())",
        "two_results - 5",
    ),
}


@pytest.fixture(autouse=True)
def written(app: Connection) -> None:
    """A ledger with transactions of every kind, an open hold, and account 4 without one."""
    open_accounts(app, "100", "50", "0", "0")
    made = [
        call(app, "transfer", 1, 2, 30),
        call(app, "withdraw", 2, 20),
        call(app, "transfer", 2, 1, 10),
        call(app, "reverse", 5),
        call(app, "transfer", 1, 3, 5),
    ]
    assert [transaction["id"] for transaction in made] == [3, 4, 5, 6, 7]
    assert call(app, "hold", 1, 5)["id"] == 1


def do(admin: Connection, damage: str) -> set[Row]:
    """Do a damage, and return what an audit must find."""
    assert admin.info.transaction_status == TransactionStatus.INTRANS, "it must be undone"
    statements, found = DAMAGES[damage]
    admin.execute("SET LOCAL wallet.change_history = on")
    admin.execute("SELECT setval('wallet.transaction_id_seq', 7)")
    admin.execute(statements)
    return {
        (violation, *(None if id == "-" else int(id) for id in ids))  # type: ignore[misc]
        for violation, *ids in map(str.split, found.split(", "))
    }


def audit(connection: Connection, account_id: int | None = None) -> list[Row]:
    found = rows(connection, "audit", account_id)
    assert all(row["detail"] for row in found)
    return [(row["violation"], row["account_id"], row["transaction_id"]) for row in found]


def test_damage_is_found_and_named_by_row_and_told_to_the_accounts_that_it_is_in(
    admin: Connection,
) -> None:
    for damage in DAMAGES:
        with admin.transaction(force_rollback=True):
            expected = do(admin, damage)
            there = [row["id"] for row in rows(admin, "SELECT id FROM wallet.account")]
            own = {
                id: {
                    row
                    for row in expected - {SUM}
                    if row[1] == id or (row[1] is None and id in parties(admin, row[2]))
                }
                for id in there
            }
            admin.execute("SET LOCAL ROLE wallet_reader")
            found = audit(admin)
            assert set(found) == expected, damage
            assert len(found) == len(expected), f"{damage}: each is named once"
            for id in there:
                assert set(audit(admin, id)) == own[id], f"{damage}: account {id}"


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
    for path in CHECKOUT.glob("sql/functions/audit_*.sql"):
        text = path.read_text(encoding="utf-8")
        listed.update(re.findall(r"^--   ([a-z_]+)  +\S", text, re.M))
    assert len(listed) >= 10
    shown = {one.split()[0] for _, found in DAMAGES.values() for one in found.split(", ")}
    assert shown == listed


def test_a_sound_or_empty_ledger_has_no_violation(admin: Connection, reader: Connection) -> None:
    call(admin, "freeze_account", 2)
    assert audit(reader) == []
    assert [audit(reader, id) for id in ACCOUNTS] == [[], [], [], []]
    assert_sound(admin)
    with admin.transaction():
        admin.execute("SET LOCAL wallet.change_history = on")
        admin.execute("TRUNCATE wallet.account, wallet.transaction, wallet.reversal, wallet.hold")
    assert audit(admin) == []


def test_an_audit_says_what_it_found(admin: Connection) -> None:
    with admin.transaction():
        do(admin, "a balance comes from nowhere")
    found = rows(admin, "SELECT violation, detail FROM wallet.audit()")
    assert [tuple(row.values()) for row in found] == [
        ("balance_mismatch", "the account holds 1060.00, its last entry says 60.00"),
        ("sum_mismatch", "the balances add up to 1130.00, deposits minus withdrawals to 130.00"),
    ]
