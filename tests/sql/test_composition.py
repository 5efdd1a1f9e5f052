"""Functions run inside the caller's own transaction, together with the caller's own statements."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import IsolationLevel
from psycopg.errors import ReadOnlySqlTransaction, SerializationFailure

from tests.support.calls import (
    DEPOSIT,
    GET_ACCOUNT,
    TRANSFER,
    Connection,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound

EVERY_LEVEL = pytest.mark.parametrize(
    "level",
    [IsolationLevel.READ_COMMITTED, IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE],
    ids=lambda level: level.name,
)


@pytest.fixture(autouse=True)
def shop(admin: Connection) -> Iterator[None]:
    """A caller's own schema, with a table that wallet_app writes."""
    admin.execute("CREATE SCHEMA shop AUTHORIZATION wallet_app")
    admin.execute(
        """
        CREATE TABLE shop.invoice (
            id integer PRIMARY KEY,
            payer bigint NOT NULL,
            payee bigint NOT NULL,
            amount numeric NOT NULL,
            transaction_id bigint
        )
        """
    )
    admin.execute("ALTER TABLE shop.invoice OWNER TO wallet_app")
    yield
    admin.execute("DROP SCHEMA shop CASCADE")


def invoices(admin: Connection) -> list[int]:
    return [row["id"] for row in admin.execute("SELECT id FROM shop.invoice ORDER BY id")]


def bill(app: Connection, id: int, payer: int, payee: int, amount: object) -> None:
    app.execute("INSERT INTO shop.invoice VALUES (%s, %s, %s, %s)", (id, payer, payee, amount))


def pay(app: Connection, id: int, *amounts: int) -> None:
    """Bill account 1 and pay account 2 in parts, all or nothing."""
    with app.transaction():
        bill(app, id, 1, 2, sum(amounts))
        for amount in amounts:
            call(app, TRANSFER, 1, 2, amount)


@EVERY_LEVEL
def test_an_invoice_and_its_transfer_commit_together(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    app.isolation_level = level
    with app.transaction():
        bill(app, 1, 1, 2, 30)
        transaction = call(app, TRANSFER, 1, 2, 30)
        app.execute("UPDATE shop.invoice SET transaction_id = %s", (transaction["id"],))
        assert invoices(admin) == []
        assert ledger(admin) == before
    assert invoices(admin) == [1]
    assert balances(admin) == {1: "70.00", 2: "30.00"}
    assert_sound(admin)


@EVERY_LEVEL
def test_a_rollback_undoes_an_invoice_and_its_transfer(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    app.isolation_level = level
    with app.transaction(force_rollback=True):
        bill(app, 1, 1, 2, 30)
        call(app, TRANSFER, 1, 2, 30)
        call(app, DEPOSIT, 2, 1)
    assert invoices(admin) == []
    assert ledger(admin) == before


@EVERY_LEVEL
def test_a_refusal_undoes_the_callers_whole_transaction(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    app.isolation_level = level
    with pytest.raises(psycopg.Error) as caught:
        pay(app, 1, 60, 60)
    assert caught.value.sqlstate == "WL006"
    assert invoices(admin) == []
    assert ledger(admin) == before


@EVERY_LEVEL
def test_a_savepoint_saves_what_came_before_a_refusal(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    app.isolation_level = level
    with app.transaction():
        call(app, TRANSFER, 1, 2, 60)
        with pytest.raises(psycopg.Error) as caught:
            pay(app, 1, 30, 30)
        assert caught.value.sqlstate == "WL006"
        bill(app, 2, 1, 2, 40)
        assert str(call(app, TRANSFER, 1, 2, 40)["source_balance"]) == "0.00"
    assert invoices(admin) == [2]
    assert balances(admin) == {1: "0.00", 2: "100.00"}
    assert_sound(admin)


@EVERY_LEVEL
def test_a_savepoint_that_is_rolled_back_leaves_no_gap_in_the_entries(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    app.isolation_level = level
    with app.transaction():
        call(app, TRANSFER, 1, 2, 10)
        with app.transaction(force_rollback=True):
            call(app, TRANSFER, 1, 2, 20)
            call(app, DEPOSIT, 2, 20)
        assert call(app, TRANSFER, 1, 2, 40)["source_entry"] == 3
    assert balances(admin) == {1: "50.00", 2: "50.00"}
    assert_sound(admin)


@EVERY_LEVEL
def test_a_caller_reads_its_own_transfers_and_nobody_else_does(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0")
    app.isolation_level = level
    with app.transaction():
        call(app, TRANSFER, 1, 2, 30)
        assert str(call(app, GET_ACCOUNT, 2)["balance"]) == "30.00"
        assert str(call(admin, GET_ACCOUNT, 2)["balance"]) == "0.00"
    assert str(call(admin, GET_ACCOUNT, 2)["balance"]) == "30.00"


def test_one_statement_pays_every_invoice(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0", "0")
    bill(app, 1, 1, 2, 30)
    bill(app, 2, 1, 3, "0.005")
    bill(app, 3, 2, 3, 10)
    app.execute(
        """
        UPDATE shop.invoice
        SET transaction_id = (wallet.transfer(payer, payee, amount)).id
        WHERE transaction_id IS NULL
        """
    )
    assert balances(admin) == {1: "69.99", 2: "20.00", 3: "10.01"}
    assert_sound(admin)


def test_one_refusal_undoes_the_whole_statement(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0", "0")
    bill(app, 1, 1, 2, 30)
    bill(app, 2, 1, 3, 80)
    before = ledger(admin)
    pay_all = "SELECT wallet.transfer(payer, payee, amount) FROM shop.invoice"
    assert refusal(app, pay_all).sqlstate == "WL006"
    assert ledger(admin) == before


def test_a_callers_function_can_catch_a_refusal_by_its_sqlstate(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    app.execute(
        """
        DO $$
        BEGIN
            PERFORM wallet.transfer(1, 2, 60);
            BEGIN
                PERFORM wallet.transfer(1, 2, 60);
            EXCEPTION WHEN SQLSTATE 'WL006' THEN
                INSERT INTO shop.invoice VALUES (1, 1, 2, 60);
            END;
        END
        $$
        """
    )
    assert invoices(admin) == [1]
    assert balances(admin) == {1: "40.00", 2: "60.00"}
    assert_sound(admin)


def test_a_read_only_caller_can_read_and_move_nothing(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    before = ledger(admin)
    app.read_only = True
    with app.transaction():
        assert str(call(app, GET_ACCOUNT, 1)["balance"]) == "100.00"
    with pytest.raises(ReadOnlySqlTransaction), app.transaction():
        call(app, TRANSFER, 1, 2, 1)
    assert ledger(admin) == before


@EVERY_LEVEL
def test_nothing_is_half_done_when_another_caller_was_first(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    """The caller looks; another empties the account; the caller pays by what it saw.

    READ COMMITTED decides by the balance of now. The stricter levels cannot, and fail the caller.
    """
    open_accounts(app, "100", "0", "0")
    app.isolation_level = level
    with app.transaction(force_rollback=True):
        assert str(call(app, GET_ACCOUNT, 1)["balance"]) == "100.00"
        call(admin, TRANSFER, 1, 3, 70)
        between = ledger(admin)
        with pytest.raises(psycopg.Error) as caught:
            pay(app, 1, 20, 80)
    if level is IsolationLevel.READ_COMMITTED:
        assert caught.value.sqlstate == "WL006"
    else:
        assert isinstance(caught.value, SerializationFailure)
    assert invoices(admin) == []
    assert ledger(admin) == between
    assert_sound(admin)


@EVERY_LEVEL
def test_a_caller_that_tries_again_succeeds(
    app: Connection, admin: Connection, level: IsolationLevel
) -> None:
    open_accounts(app, "100", "0", "0")
    app.isolation_level = level
    tries = 0
    while tries < 2:
        tries += 1
        try:
            with app.transaction():
                call(app, GET_ACCOUNT, 1)
                if tries == 1:
                    call(admin, TRANSFER, 1, 3, 70)
                call(app, TRANSFER, 1, 2, 30)
            break
        except SerializationFailure:
            pass
    assert tries == (1 if level is IsolationLevel.READ_COMMITTED else 2)
    assert balances(admin) == {1: "0.00", 2: "30.00", 3: "70.00"}
    assert_sound(admin)
