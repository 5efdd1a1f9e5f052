"""withdraw() pays out to outside: a transaction without a target."""

from __future__ import annotations

from decimal import Decimal

from tests.support.calls import (
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    WITHDRAW,
    Connection,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound


def test_a_withdrawal_takes_from_the_balance(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100")
    transaction = call(app, WITHDRAW, 1, "12.3")
    assert call(app, GET_TRANSACTION, 2) == transaction
    account = call(app, GET_ACCOUNT, 1)
    assert account["mtime"] == transaction.pop("ctime")
    assert transaction == {
        "id": 2,
        "source_account_id": 1,
        "target_account_id": None,
        "amount": Decimal("12.30"),
        "source_entry": 2,
        "target_entry": None,
        "source_balance": Decimal("87.70"),
        "target_balance": None,
    }
    assert str(account["balance"]) == "87.70"
    assert_sound(admin)


def test_parameters_of_withdraw_bear_the_contracts_names(app: Connection) -> None:
    open_accounts(app, "10")
    row = call(app, "SELECT * FROM wallet.withdraw(amount => 0.5, account_id => 1)")
    assert (row["source_account_id"], str(row["amount"])) == (1, "0.50")


def test_all_that_an_account_holds_can_be_withdrawn_and_no_cent_more(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "999999.99")
    assert str(call(app, WITHDRAW, 1, "999999.99")["source_balance"]) == "0.00"
    assert refusal(app, WITHDRAW, 1, "0.005").sqlstate == "WL006"
    assert_sound(admin)


def test_an_amount_is_rounded_half_away_from_zero_before_it_is_withdrawn(app: Connection) -> None:
    open_accounts(app, "10")
    amounts = {"0.005": "0.01", "1.994999": "1.99", "1.995": "2.00"}
    for given, taken in amounts.items():
        assert str(call(app, WITHDRAW, 1, given)["amount"]) == taken


def test_withdrawals_number_entries_with_all_others(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    made = [
        call(app, WITHDRAW, 1, 1)["source_entry"],
        call(app, TRANSFER, 1, 2, 1)["source_entry"],
        call(app, WITHDRAW, 1, 1)["source_entry"],
        call(app, DEPOSIT, 1, 1)["target_entry"],
    ]
    assert made == [2, 3, 4, 5]
    assert_sound(admin)


def test_a_withdrawal_touches_no_other_account(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100")
    before = ledger(admin)
    call(app, WITHDRAW, 2, 5)
    after = ledger(admin)
    assert after.accounts[0] == before.accounts[0]
    assert after.transactions[:-1] == before.transactions


def test_a_withdrawal_that_is_rolled_back_was_never_there(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100")
    before = ledger(admin)
    with app.transaction(force_rollback=True):
        call(app, WITHDRAW, 1, 5)
    assert ledger(admin) == before
