"""reverse() moves the money of a transaction back: once, under the same locks and limits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.calls import (
    DEPOSIT,
    FREEZE_ACCOUNT,
    GET_TRANSACTION,
    REVERSE,
    TRANSFER,
    UNFREEZE_ACCOUNT,
    WITHDRAW,
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import (
    ACCOUNT_FROZEN,
    ALREADY_REVERSED,
    BALANCE_LIMIT_EXCEEDED,
    INSUFFICIENT_FUNDS,
    NOT_REVERSIBLE,
)
from tests.support.threads import background, wait_until_blocked


def links(admin: Connection) -> dict[int, int]:
    rows = admin.execute("SELECT transaction_id, reverses FROM wallet.reversal").fetchall()
    return {row["transaction_id"]: row["reverses"] for row in rows}


def test_a_transfer_is_reversed(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)
    reversal = call(app, REVERSE, transfer["id"])
    assert call(app, GET_TRANSACTION, reversal["id"]) == reversal
    assert reversal.pop("ctime") >= transfer["ctime"]
    assert reversal == {
        "id": 3,
        "source_account_id": 2,
        "target_account_id": 1,
        "amount": Decimal("30.00"),
        "source_entry": 2,
        "target_entry": 3,
        "source_balance": Decimal("0.00"),
        "target_balance": Decimal("100.00"),
    }
    assert links(admin) == {3: 2}
    assert call(app, GET_TRANSACTION, transfer["id"]) == transfer, "what was written stays"
    assert_sound(admin)


def test_a_deposit_is_reversed_to_outside(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100")
    reversal = call(app, REVERSE, 1)
    assert (reversal["source_account_id"], reversal["target_account_id"]) == (1, None)
    assert (reversal["source_entry"], str(reversal["source_balance"])) == (2, "0.00")
    assert links(admin) == {2: 1}
    assert_sound(admin)


def test_a_withdrawal_is_reversed_from_outside(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100")
    withdrawal = call(app, WITHDRAW, 1, 40)
    reversal = call(app, REVERSE, withdrawal["id"])
    assert (reversal["source_account_id"], reversal["target_account_id"]) == (None, 1)
    assert (reversal["target_entry"], str(reversal["target_balance"])) == (3, "100.00")
    assert links(admin) == {3: 2}
    assert_sound(admin)


def test_the_parameter_of_reverse_bears_the_contracts_name(app: Connection) -> None:
    open_accounts(app, "10")
    assert call(app, "SELECT * FROM wallet.reverse(transaction_id => 1)")["id"] == 2


def test_a_reversal_counts_towards_deposits_minus_withdrawals(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "50")
    withdrawal = call(app, WITHDRAW, 1, 40)
    call(app, REVERSE, 2)
    call(app, REVERSE, withdrawal["id"])
    assert balances(admin) == {1: "100.00", 2: "0.00"}
    assert_sound(admin)


def test_each_of_several_equal_transfers_is_reversed_for_itself(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    made = [call(app, TRANSFER, 1, 2, 10)["id"] for _ in range(3)]
    for id in (made[1], made[0], made[2]):
        call(app, REVERSE, id)
        assert answer(app, REVERSE, id) in (INSUFFICIENT_FUNDS, ALREADY_REVERSED)
    assert sorted(links(admin).values()) == made
    assert balances(admin) == {1: "100.00", 2: "0.00"}
    assert_sound(admin)


def test_money_that_is_gone_cannot_be_taken_back(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)
    call(app, TRANSFER, 2, 3, "0.01")
    before = ledger(admin)
    diagnostic = refusal(app, REVERSE, transfer["id"])
    assert diagnostic.sqlstate == INSUFFICIENT_FUNDS
    assert diagnostic.message_detail == "Account 2 holds 29.99, which is less than 30.00."
    assert ledger(admin) == before
    call(app, DEPOSIT, 2, "0.01")
    call(app, REVERSE, transfer["id"])
    assert_sound(admin)


def test_money_goes_back_into_no_account_that_is_full(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)
    call(app, DEPOSIT, 1, "999929.99")
    before = ledger(admin)
    assert refusal(app, REVERSE, transfer["id"]).sqlstate == BALANCE_LIMIT_EXCEEDED
    assert ledger(admin) == before


@pytest.mark.parametrize("frozen", [1, 2])
def test_a_frozen_account_takes_no_part_in_a_reversal(
    app: Connection, admin: Connection, frozen: int
) -> None:
    open_accounts(app, "100", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)
    call(admin, FREEZE_ACCOUNT, frozen)
    before = ledger(admin)
    diagnostic = refusal(app, REVERSE, transfer["id"])
    assert diagnostic.sqlstate == ACCOUNT_FROZEN
    assert f"Account {frozen} " in (diagnostic.message_detail or "")
    assert ledger(admin) == before
    call(admin, UNFREEZE_ACCOUNT, frozen)
    call(app, REVERSE, transfer["id"])
    assert_sound(admin)


def test_a_transaction_is_reversed_once(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "50")
    transfer = call(app, TRANSFER, 1, 2, 30)
    call(app, REVERSE, transfer["id"])
    before = ledger(admin)
    diagnostic = refusal(app, REVERSE, transfer["id"])
    assert diagnostic.sqlstate == ALREADY_REVERSED
    assert diagnostic.message_detail == f"Transaction {transfer['id']} has been reversed already."
    assert ledger(admin) == before


def test_a_reversal_is_not_reversed(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "50")
    transfer = call(app, TRANSFER, 1, 2, 30)
    reversal = call(app, REVERSE, transfer["id"])
    before = ledger(admin)
    diagnostic = refusal(app, REVERSE, reversal["id"])
    assert diagnostic.sqlstate == NOT_REVERSIBLE
    assert diagnostic.message_detail == f"Transaction {reversal['id']} is a reversal itself."
    assert ledger(admin) == before


def while_unfrozen(
    admin: Connection, app: Connection, id: int, statement: str, amount: int
) -> None:
    call(admin, UNFREEZE_ACCOUNT, id)
    call(app, statement, id, amount)
    call(admin, FREEZE_ACCOUNT, id)


def test_the_refusals_of_a_reversal_come_in_the_contracts_order(
    app: Connection, admin: Connection
) -> None:
    """All that can stand in the way does, and is put out of it one by one."""
    open_accounts(app, "100", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)["id"]
    reversal = call(app, REVERSE, transfer)["id"]
    call(app, DEPOSIT, 1, "999899.99")
    for id in (1, 2):
        call(admin, FREEZE_ACCOUNT, id)

    # Account 1 is full, account 2 is empty, both are frozen, and it is reversed already.
    assert refusal(app, REVERSE, transfer).sqlstate == INSUFFICIENT_FUNDS
    while_unfrozen(admin, app, 2, DEPOSIT, 30)
    assert refusal(app, REVERSE, transfer).sqlstate == BALANCE_LIMIT_EXCEEDED
    while_unfrozen(admin, app, 1, WITHDRAW, 60)
    diagnostic = refusal(app, REVERSE, transfer)
    assert diagnostic.sqlstate == ACCOUNT_FROZEN
    assert "Account 2 " in (diagnostic.message_detail or ""), "the one that pays now is named"
    assert refusal(app, REVERSE, reversal).sqlstate == ACCOUNT_FROZEN
    for id in (1, 2):
        call(admin, UNFREEZE_ACCOUNT, id)
    assert refusal(app, REVERSE, transfer).sqlstate == ALREADY_REVERSED
    assert refusal(app, REVERSE, reversal).sqlstate == NOT_REVERSIBLE
    assert_sound(admin)


def test_a_reversal_can_be_composed_and_rolled_back(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)
    before = ledger(admin)
    with app.transaction(force_rollback=True):
        call(app, REVERSE, transfer["id"])
        assert answer_in_savepoint(app, transfer["id"]) == INSUFFICIENT_FUNDS
    assert ledger(admin) == before
    call(app, REVERSE, transfer["id"])
    assert_sound(admin)


def answer_in_savepoint(app: Connection, id: int) -> str:
    with app.transaction(force_rollback=True):
        answered = answer(app, REVERSE, id)
    assert isinstance(answered, str)
    return answered


@pytest.mark.parametrize("committed", [True, False])
def test_of_two_reversals_at_once_exactly_one_is_made(
    database: Database, app: Connection, admin: Connection, committed: bool
) -> None:
    """The second waits for the first. When that is undone, the second is made instead."""
    open_accounts(app, "100", "50")
    transfer = call(app, TRANSFER, 1, 2, 30)["id"]
    with database.connect("wallet_app") as first, database.connect("wallet_app") as second:
        first.autocommit = False
        call(first, REVERSE, transfer)
        with background(answer, second, REVERSE, transfer) as waiter:
            wait_until_blocked(admin, second, first)
            if committed:
                first.commit()
            else:
                first.rollback()
            answered = waiter.result()
    assert (answered == ALREADY_REVERSED) == committed
    assert list(links(admin).values()) == [transfer]
    assert balances(admin) == {1: "100.00", 2: "50.00"}
    assert_sound(admin)


def test_a_reversal_waits_for_the_money_that_is_on_its_way(
    database: Database, app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0", "0")
    transfer = call(app, TRANSFER, 1, 2, 30)["id"]
    with database.connect("wallet_app") as first, database.connect("wallet_app") as second:
        first.autocommit = False
        call(first, TRANSFER, 2, 3, 1)
        with background(answer, second, REVERSE, transfer) as waiter:
            wait_until_blocked(admin, second, first)
            first.commit()
            assert waiter.result() == INSUFFICIENT_FUNDS
    assert links(admin) == {}
    assert_sound(admin)
