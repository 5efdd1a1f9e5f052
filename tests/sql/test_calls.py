"""Each public function does what it says and returns what the contract's objects hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.calls import (
    CREATE_ACCOUNT,
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    Connection,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound


def clock(connection: Connection) -> datetime:
    now: datetime = call(connection, "SELECT clock_timestamp() AS now")["now"]
    return now


def test_a_new_account_is_empty(app: Connection, admin: Connection) -> None:
    before = clock(app)
    account = call(app, CREATE_ACCOUNT, "ada@example.com")
    after = clock(app)
    assert account["id"] == 1
    assert account["email"] == "ada@example.com"
    assert str(account["balance"]) == "0.00"
    assert account["entry_count"] == 0
    assert before <= account["ctime"] <= after
    assert ledger(admin).accounts == [account]


def test_an_account_without_entries_was_last_changed_when_it_was_opened(
    app: Connection, admin: Connection
) -> None:
    app.execute("SELECT wallet.create_account('ada@example.com') FROM generate_series(1, 500)")
    accounts = ledger(admin).accounts
    assert len(accounts) == 500
    assert [account for account in accounts if account["mtime"] != account["ctime"]] == []


def test_one_address_may_own_several_accounts(app: Connection) -> None:
    first, second = open_accounts(app, "0", "0")
    assert call(app, GET_ACCOUNT, first)["email"] == call(app, GET_ACCOUNT, second)["email"]
    assert first != second


def test_a_deposit_adds_to_the_balance(app: Connection, admin: Connection) -> None:
    open_accounts(app, "1.50")
    before = clock(app)
    transaction = call(app, DEPOSIT, 1, "12.3")
    after = clock(app)
    assert before <= transaction.pop("ctime") <= after
    assert transaction == {
        "id": 2,
        "source_account_id": None,
        "target_account_id": 1,
        "amount": Decimal("12.30"),
        "source_entry": None,
        "target_entry": 2,
        "source_balance": None,
        "target_balance": Decimal("13.80"),
    }
    assert str(transaction["amount"]) == "12.30"
    assert str(call(app, GET_ACCOUNT, 1)["balance"]) == "13.80"
    assert_sound(admin)


@pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
def test_a_transfer_moves_money_whichever_id_is_lower(
    app: Connection, admin: Connection, source: int, target: int
) -> None:
    open_accounts(app, "100", "100")
    before = clock(app)
    transaction = call(app, TRANSFER, source, target, "12.3")
    after = clock(app)
    assert before <= transaction.pop("ctime") <= after
    assert transaction == {
        "id": 3,
        "source_account_id": source,
        "target_account_id": target,
        "amount": Decimal("12.30"),
        "source_entry": 2,
        "target_entry": 2,
        "source_balance": Decimal("87.70"),
        "target_balance": Decimal("112.30"),
    }
    assert str(transaction["amount"]) == "12.30"
    assert str(call(app, GET_ACCOUNT, source)["balance"]) == "87.70"
    assert str(call(app, GET_ACCOUNT, target)["balance"]) == "112.30"
    assert_sound(admin)


def test_an_account_can_give_all_that_it_holds(app: Connection) -> None:
    open_accounts(app, "0.01", "0")
    transaction = call(app, TRANSFER, 1, 2, "0.01")
    assert str(transaction["source_balance"]) == "0.00"
    assert str(transaction["target_balance"]) == "0.01"


def test_an_account_can_be_filled_to_the_limit(app: Connection) -> None:
    open_accounts(app, "999999.98", "0.01")
    assert str(call(app, TRANSFER, 2, 1, "0.01")["target_balance"]) == "999999.99"


def test_the_whole_limit_can_move_at_once(app: Connection) -> None:
    open_accounts(app, "999999.99", "0")
    transaction = call(app, TRANSFER, 1, 2, "999999.99")
    assert str(transaction["source_balance"]) == "0.00"
    assert str(transaction["target_balance"]) == "999999.99"


def test_a_transfer_touches_no_other_account(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100", "100")
    before = ledger(admin)
    call(app, TRANSFER, 1, 3, 5)
    after = ledger(admin)
    assert after.accounts[1] == before.accounts[1]
    assert after.transactions[:-1] == before.transactions


def test_what_a_call_answered_can_be_read_again(app: Connection) -> None:
    open_accounts(app, "100", "0")
    deposit = call(app, DEPOSIT, 2, "0.05")
    transfer = call(app, TRANSFER, 1, 2, "12.30")
    assert call(app, GET_TRANSACTION, deposit["id"]) == deposit
    assert call(app, GET_TRANSACTION, transfer["id"]) == transfer
    account = call(app, GET_ACCOUNT, 2)
    assert account["balance"] == transfer["target_balance"]
    assert account["entry_count"] == transfer["target_entry"]
    assert account["mtime"] == transfer["ctime"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM wallet.create_account(email => 'bob@example.com')", {"id": 3}),
        ("SELECT * FROM wallet.get_account(id => 2)", {"id": 2}),
        (
            "SELECT * FROM wallet.deposit(amount => 0.5, account_id => 2)",
            {"target_account_id": 2, "amount": Decimal("0.50")},
        ),
        (
            "SELECT * FROM wallet.transfer("
            "amount => 0.5, target_account_id => 2, source_account_id => 1)",
            {"source_account_id": 1, "target_account_id": 2, "amount": Decimal("0.50")},
        ),
        ("SELECT * FROM wallet.get_transaction(id => 1)", {"id": 1}),
    ],
)
def test_parameters_bear_the_contracts_names(
    app: Connection, statement: str, expected: dict[str, Any]
) -> None:
    open_accounts(app, "10", "0")
    row = call(app, statement)
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("type_name", ["real", "double precision"])
def test_a_binary_float_is_not_taken_for_an_amount(
    app: Connection, admin: Connection, type_name: str
) -> None:
    open_accounts(app, "10", "0")
    before = ledger(admin)
    for statement in (
        f"SELECT wallet.deposit(1, 0.1::{type_name})",
        f"SELECT wallet.transfer(1, 2, 0.1::{type_name})",
    ):
        assert refusal(app, statement).sqlstate == "42883"  # undefined_function
    assert ledger(admin) == before


def test_a_generic_plan_answers_as_a_custom_one_does(app: Connection, admin: Connection) -> None:
    """From its sixth run on, PL/pgSQL may plan a statement without looking at its parameters."""
    open_accounts(app, "10", "10")
    for number in range(1, 21):
        transaction = call(app, TRANSFER, *((1, 2) if number % 2 else (2, 1)), "0.05")
        assert transaction["source_entry"] == transaction["target_entry"] == number + 1
    assert_sound(admin)
