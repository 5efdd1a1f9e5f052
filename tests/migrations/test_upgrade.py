"""From the schema of v0.1 with 100 000 transactions in it to the schema of today, and back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.migrations.project import HERE, deployed, names
from tests.support import databases
from tests.support.calls import (
    BALANCE_AT,
    CANCEL_PENDING,
    CREATE_ACCOUNT,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    FIND_ACCOUNTS,
    FREEZE_ACCOUNT,
    GET_ACCOUNT,
    GET_OUTCOME,
    GET_STATEMENT,
    GET_TRANSACTION,
    REVERSE,
    SETTLE,
    TRANSFER,
    TRANSFER_BATCH,
    UNFREEZE_ACCOUNT,
    WITHDRAW,
    answer,
    batch,
    call,
    open_accounts,
    rows,
)
from tests.support.databases import Database, assert_sound
from tests.support.servers import APP_PASSWORD, Server
from tools import schema

V0_1 = "@v0.1"
V0_3 = "@v0.3"
ACCOUNTS = 100
ROUNDS = 1998
TRANSACTIONS = ACCOUNTS + ROUNDS * ACCOUNTS // 2

# Each account is paid 500000.00; then, round by round, accounts 1 and 2, 3 and 4 … pay each other
# an amount that grows with the rounds, there in the odd ones and back in the even ones.
FILL = f"""
    BEGIN;
    INSERT INTO wallet.account (email, balance, ctime, mtime, entry_count)
    SELECT format('User%s@example.com', s.id), 500000.00, '2026-01-01Z',
           '2026-01-02Z'::timestamptz + interval '1 second' * {ROUNDS}, {ROUNDS + 1}
    FROM generate_series(1, {ACCOUNTS}) AS s (id)
    ORDER BY s.id;

    INSERT INTO wallet.transaction (target_account_id, amount, ctime, target_entry, target_balance)
    SELECT s.id, 500000.00, '2026-01-02Z', 1, 500000.00
    FROM generate_series(1, {ACCOUNTS}) AS s (id)
    ORDER BY s.id;

    INSERT INTO wallet.transaction (source_account_id, target_account_id, amount, ctime,
                                    source_entry, target_entry, source_balance, target_balance)
    SELECT p.first + (r.number + 1) % 2, p.first + r.number % 2, a.amount,
           '2026-01-02Z'::timestamptz + interval '1 second' * r.number,
           r.number + 1, r.number + 1,
           CASE r.number % 2 WHEN 1 THEN 500000.00 - a.amount ELSE 500000.00 END,
           CASE r.number % 2 WHEN 1 THEN 500000.00 + a.amount ELSE 500000.00 END
    FROM generate_series(1, {ROUNDS}) AS r (number)
    CROSS JOIN generate_series(1, {ACCOUNTS}, 2) AS p (first)
    CROSS JOIN LATERAL (VALUES ((r.number + 1) / 2 * 0.01 + p.first)) AS a (amount)
    ORDER BY r.number, p.first;
    COMMIT
"""
# All that there was in v0.1, sequences included.
CHECKSUM = """
    SELECT (SELECT count(*) FROM wallet.account) AS accounts,
           (SELECT count(*) FROM wallet.transaction) AS transactions,
           (SELECT md5(string_agg(md5(ROW(
               a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count
           )::text), '' ORDER BY a.id)) FROM wallet.account a) AS account_rows,
           (SELECT md5(string_agg(md5(ROW(
               t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime, t.source_entry,
               t.target_entry, t.source_balance, t.target_balance
           )::text), '' ORDER BY t.id)) FROM wallet.transaction t) AS transaction_rows,
           (SELECT last_value FROM wallet.account_id_seq) AS account_id,
           (SELECT last_value FROM wallet.transaction_id_seq) AS transaction_id
"""


def checksum(database: Database) -> dict[str, Any]:
    (row,) = database.execute(CHECKSUM)
    return dict(row)


def deploy(database: Database, *arguments: str) -> None:
    """Deploy, and let what roles there are by then log in."""
    HERE.sqitch(database, "deploy", *arguments)
    for row in database.execute(
        "SELECT rolname FROM pg_roles WHERE rolname IN ('wallet_app', 'wallet_reader')"
    ):
        database.execute(f"ALTER ROLE {row['rolname']} PASSWORD '{APP_PASSWORD}'")


@pytest.fixture
def released(server: Server) -> Iterator[Database]:
    """A database with the schema of v0.1 and an empty ledger."""
    released = databases.create(server)
    deploy(released, "--to", V0_1)
    yield released
    databases.drop(released)


def assert_v0_1_works(database: Database) -> None:
    """Each function of v0.1 answers, and refuses, as it did."""
    with database.connect("wallet_app") as app:
        source, target = (call(app, CREATE_ACCOUNT, "Old@example.com")["id"] for _ in range(2))
        deposit = call(app, DEPOSIT, source, "100.005")
        assert str(deposit["target_balance"]) == "100.01"
        transfer = call(app, TRANSFER, source, target, "30")
        assert call(app, GET_TRANSACTION, transfer["id"]) == transfer
        assert str(call(app, GET_ACCOUNT, target)["balance"]) == "30.00"
        for statement, arguments, sqlstate in (
            (DEPOSIT, (source, "NaN"), "WL002"),
            (DEPOSIT, (source, "999999.99"), "WL007"),
            (TRANSFER, (source, source, 1), "WL003"),
            (TRANSFER, (source, None, 1), "WL004"),
            (TRANSFER, (None, target, 1), "WL004"),
            (TRANSFER, (source, target, 500), "WL006"),
            (GET_TRANSACTION, (-1,), "WL005"),
            (CREATE_ACCOUNT, ("ada",), "WL001"),
        ):
            assert answer(app, statement, *arguments) == sqlstate


def test_an_upgrade_keeps_every_row_of_100_000_transactions(released: Database) -> None:
    released.execute(FILL)
    assert_v0_1_works(released)
    before = checksum(released)
    assert before["transactions"] == TRANSACTIONS + 2 > 100_000
    assert before["accounts"] == ACCOUNTS + 2

    deploy(released)
    assert deployed(released) == names()
    HERE.sqitch(released, "verify")
    assert checksum(released) == before

    with released.connect("wallet_reader") as reader:
        assert rows(reader, "SELECT * FROM wallet.audit()") == []
    with released.connect() as admin:
        assert_sound(admin)
    assert_everything_works(released)
    assert_v0_1_works(released)
    with released.connect() as admin:
        assert_sound(admin)


def assert_everything_works(database: Database) -> None:
    """What is new since v0.1, on accounts and transactions that are older."""
    with (
        database.connect("wallet_app") as app,
        database.connect("wallet_reader") as reader,
        database.connect() as admin,
    ):
        (account,) = rows(app, FIND_ACCOUNTS, "uSER1@example.com")
        assert (account["id"], account["frozen"]) == (1, False)
        last = rows(reader, GET_STATEMENT, 1, None, 2)
        assert [line["entry"] for line in last] == [ROUNDS + 1, ROUNDS]
        assert [line["kind"] for line in last] == ["transfer_in", "transfer_out"]
        (first,) = rows(reader, GET_STATEMENT, 1, 2, 50)
        assert (first["kind"], str(first["balance"])) == ("deposit", "500000.00")
        assert str(call(reader, BALANCE_AT, 1, "2026-01-02 00:00:01Z")["balance"]) == "499998.99"
        assert call(reader, BALANCE_AT, 1, "2025-12-31Z")["balance"] is None

        assert call(app, WITHDRAW, 2, "100000.00")["source_entry"] == ROUNDS + 2
        back = call(app, REVERSE, first["transaction_id"])
        assert (back["source_account_id"], str(back["source_balance"])) == (1, "0.00")
        moved = call(app, TRANSFER, 3, 1, 5)
        assert call(admin, FREEZE_ACCOUNT, 1)["frozen"] is True
        assert answer(app, REVERSE, moved["id"]) == "WL008"
        assert call(admin, UNFREEZE_ACCOUNT, 1)["frozen"] is False
        assert call(app, REVERSE, moved["id"])["source_account_id"] == 1
        assert answer(app, REVERSE, first["transaction_id"]) == "WL006"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.execute("DELETE FROM wallet.transaction")
        made = rows(app, TRANSFER_BATCH, batch([(4, 5, 1), (5, 77_777, 1), (5, 4, 1)]), False)
        assert [outcome["state"] for outcome in made] == ["succeeded", "failed", "succeeded"]
        assert made[0]["source_entry"] == ROUNDS + 2
        queued = call(app, ENQUEUE_TRANSFER, 5, 4, 1)
        assert (queued["id"], queued["state"]) == (made[2]["id"] + 1, "pending")
        assert call(app, SETTLE, 100)["settled"] == 1
        assert call(app, GET_OUTCOME, queued["id"])["state"] == "succeeded"
        assert call(app, GET_OUTCOME, first["transaction_id"])["state"] == "succeeded"
        overview = call(reader, "SELECT * FROM wallet.account_overview WHERE id = 2")
        assert overview["balance"] == Decimal("400000.00")
        assert rows(reader, "SELECT * FROM wallet.daily_activity")


def test_a_call_of_before_the_upgrade_goes_on_after_it(released: Database) -> None:
    """A connection with plans of v0.1 in its cache meets the new functions."""
    with released.connect("wallet_app") as app:
        for _ in range(2):
            call(app, CREATE_ACCOUNT, "ada@example.com")
        for _ in range(8):
            app.execute(DEPOSIT, (1, 5), prepare=True)
            app.execute(TRANSFER, (1, 2, 5), prepare=True)
        deploy(released)
        made = app.execute(TRANSFER, (2, 1, 5), prepare=True).fetchone()
        assert made is not None
        assert str(made["source_balance"]) == "35.00"
        assert call(app, WITHDRAW, 1, 5)["source_entry"] == 18
    with released.connect() as admin:
        assert_sound(admin)


def test_a_revert_to_v0_1_keeps_every_row_and_its_functions_work(released: Database) -> None:
    first = schema.dump(released.environ())
    assert_v0_1_works(released)
    deploy(released)
    with released.connect() as admin:
        call(admin, TRANSFER, 1, 2, 20)
        call(admin, REVERSE, 3)
        call(admin, FREEZE_ACCOUNT, 1)
    before = checksum(released)

    HERE.sqitch(released, "revert", "--to", V0_1, "-y")
    assert checksum(released) == before
    assert schema.dump(released.environ()) == first
    HERE.sqitch(released, "verify")
    assert_v0_1_works(released)

    deploy(released)
    with released.connect() as admin:
        assert_sound(admin)


def test_a_revert_to_v0_1_stops_at_a_withdrawal_and_keeps_every_row(released: Database) -> None:
    assert_v0_1_works(released)
    deploy(released)
    with released.connect() as admin:
        call(admin, WITHDRAW, 1, 5)
    before = checksum(released)

    done = HERE.run(released, "revert", "--to", V0_1, "-y")
    assert done.returncode != 0
    assert "contains null values" in done.stdout
    assert deployed(released)[-1] == "withdrawal"
    assert checksum(released) == before

    deploy(released)
    assert deployed(released) == names()
    assert checksum(released) == before
    with released.connect() as admin:
        assert_sound(admin)


def test_a_revert_refuses_to_lose_what_is_pending(deployed_database: Database) -> None:
    """While they can still be settled and cancelled; once they are, it goes on."""
    with deployed_database.connect() as admin:
        open_accounts(admin, "100", "0")
        asked = [call(admin, ENQUEUE_TRANSFER, 1, 2, amount)["id"] for amount in (30, 40, 500)]

    done = HERE.run(deployed_database, "revert", "--to", V0_3, "-y")
    assert done.returncode != 0
    assert "transfers are pending" in done.stdout
    assert "wallet.settle()" in done.stdout
    assert deployed(deployed_database)[-1] == "functions/cancel_pending"
    with deployed_database.connect() as admin:
        pending = rows(admin, "SELECT id FROM wallet.pending_transfer ORDER BY id")
        assert [row["id"] for row in pending] == asked

    with deployed_database.connect() as admin:
        assert call(admin, CANCEL_PENDING, asked[0])["state"] == "failed"
        assert call(admin, SETTLE, 10)["settled"] == 2
        assert call(admin, GET_OUTCOME, asked[1])["state"] == "succeeded"
        assert call(admin, GET_OUTCOME, asked[2])["sqlstate"] == "WL006"
        assert_sound(admin)
        ledger_rows = rows(admin, "SELECT * FROM wallet.transaction ORDER BY id")

    # Asked for between two changes that are reverted, one more is not lost either.
    HERE.sqitch(deployed_database, "revert", "--to", "functions/enqueue_transfer", "-y")
    with deployed_database.connect() as admin:
        call(admin, ENQUEUE_TRANSFER, 1, 2, 1)
    done = HERE.run(deployed_database, "revert", "--to", V0_3, "-y")
    assert done.returncode != 0
    assert "Deploy again" in done.stdout
    assert deployed(deployed_database)[-1] == "pending_transfer"
    HERE.sqitch(deployed_database, "deploy")
    with deployed_database.connect() as admin:
        assert call(admin, SETTLE, 10)["settled"] == 1
        ledger_rows = rows(admin, "SELECT * FROM wallet.transaction ORDER BY id")

    HERE.sqitch(deployed_database, "revert", "--to", V0_3, "-y")
    HERE.sqitch(deployed_database, "verify")
    with deployed_database.connect() as admin:
        assert rows(admin, "SELECT * FROM wallet.transaction ORDER BY id") == ledger_rows
        assert call(admin, TRANSFER, 1, 2, 59)["source_balance"] == 0
    HERE.sqitch(deployed_database, "deploy")
    HERE.sqitch(deployed_database, "verify")
    with deployed_database.connect() as admin:
        assert_sound(admin)


def test_a_revert_of_the_views_leaves_the_others_as_they_were(deployed_database: Database) -> None:
    """Sqitch would give the released script for the revert, which drops all of them."""
    views = (
        "SELECT c.relname, pg_get_viewdef(c.oid) AS query, c.relacl::text AS privileges, "
        "obj_description(c.oid, 'pg_class') AS comment FROM pg_class c "
        "WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'v' ORDER BY 1"
    )
    before = deployed_database.execute(views)
    HERE.sqitch(deployed_database, "revert", "--to", "@v0.4^", "-y")
    left = deployed_database.execute(views)
    assert left == [row for row in before if row["relname"] not in ("queue", "queue_stats")]
    assert len(left) == len(before) - 2
    HERE.sqitch(deployed_database, "verify")
