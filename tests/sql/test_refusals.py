"""Every refusal: its SQLSTATE, its fixed words, its data, its advice, and which one comes first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from typing import NamedTuple

import pytest

from tests.support.calls import (
    BALANCE_AT,
    CANCEL_PENDING,
    CREATE_ACCOUNT,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    FREEZE_ACCOUNT,
    GET_ACCOUNT,
    GET_OUTCOME,
    GET_STATEMENT,
    GET_TRANSACTION,
    REVERSE,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_OR_ENQUEUE,
    UNFREEZE_ACCOUNT,
    WITHDRAW,
    Connection,
    answer,
    batch,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.model import (
    ACCOUNT_FROZEN,
    ACCOUNT_NOT_FOUND,
    ALREADY_REVERSED,
    BALANCE_LIMIT_EXCEEDED,
    BATCH_REFUSED,
    BATCH_TOO_LARGE,
    CANCELLED,
    CODES,
    IDEMPOTENCY_KEY_REUSED,
    INSUFFICIENT_FUNDS,
    INVALID_AMOUNT,
    INVALID_EMAIL,
    NOT_PENDING,
    NOT_REVERSIBLE,
    OF_BATCHES_AND_THE_QUEUE,
    SAME_ACCOUNT,
    TRANSACTION_NOT_FOUND,
    LedgerModel,
    Transaction,
)

LARGEST = 2**63 - 1
# The accounts that `accounts` opens, and ids that name none.
EMPTY, SOME, FULL, FROZEN = 1, 2, 3, 4
NONE_HIGHER, NONE_LOWER = 77, 0
BALANCES = {EMPTY: "0", SOME: "100.00", FULL: "999999.99", FROZEN: "50.00"}
# The transactions that it makes: what was paid into each account, and a deposit with its reversal.
FILLS_SOME, FILLS_FULL, FILLS_FROZEN, REVERSED, REVERSAL = 1, 2, 3, 4, 5


class Case(NamedTuple):
    """A call, and the refusal that must answer it. `data` is in its DETAIL."""

    statement: str
    arguments: tuple[object, ...]
    sqlstate: str
    data: tuple[str, ...]


CASES = [
    Case(CREATE_ACCOUNT, (None,), INVALID_EMAIL, ("NULL",)),
    Case(CREATE_ACCOUNT, ("ada",), INVALID_EMAIL, ("ada",)),
    Case(DEPOSIT, (SOME, None), INVALID_AMOUNT, ("NULL",)),
    Case(DEPOSIT, (SOME, "0.004"), INVALID_AMOUNT, ("0.004",)),
    Case(DEPOSIT, (NONE_HIGHER, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(DEPOSIT, (NONE_LOWER, 5), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(DEPOSIT, (-1, 5), ACCOUNT_NOT_FOUND, ("account -1",)),
    Case(DEPOSIT, (LARGEST, 5), ACCOUNT_NOT_FOUND, (f"account {LARGEST}",)),
    Case(DEPOSIT, (None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(DEPOSIT, (FULL, "0.01"), BALANCE_LIMIT_EXCEEDED, ("account 3", "999999.99", "0.01")),
    Case(DEPOSIT, (SOME, "999900"), BALANCE_LIMIT_EXCEEDED, ("account 2", "100.00", "999900.00")),
    Case(TRANSFER, (SOME, EMPTY, None), INVALID_AMOUNT, ("NULL",)),
    Case(TRANSFER, (SOME, EMPTY, "NaN"), INVALID_AMOUNT, ("NaN",)),
    Case(TRANSFER, (SOME, SOME, 5), SAME_ACCOUNT, ("account 2",)),
    Case(TRANSFER, (NONE_HIGHER, SOME, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (NONE_LOWER, SOME, 5), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(TRANSFER, (SOME, NONE_HIGHER, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (SOME, NONE_LOWER, 5), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(TRANSFER, (None, SOME, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER, (SOME, None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER, (None, None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER, (SOME, EMPTY, "100.01"), INSUFFICIENT_FUNDS, ("account 2", "100.00", "100.01")),
    Case(TRANSFER, (EMPTY, SOME, "0.005"), INSUFFICIENT_FUNDS, ("account 1", "0.00", "0.01")),
    Case(
        TRANSFER, (SOME, FULL, "0.01"), BALANCE_LIMIT_EXCEEDED, ("account 3", "999999.99", "0.01")
    ),
    Case(
        TRANSFER,
        (FULL, SOME, "999900"),
        BALANCE_LIMIT_EXCEEDED,
        ("account 2", "100.00", "999900.00"),
    ),
    Case(GET_ACCOUNT, (NONE_HIGHER,), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(GET_ACCOUNT, (NONE_LOWER,), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(GET_ACCOUNT, (LARGEST,), ACCOUNT_NOT_FOUND, (f"account {LARGEST}",)),
    Case(GET_ACCOUNT, (None,), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(GET_TRANSACTION, (77,), TRANSACTION_NOT_FOUND, ("transaction 77",)),
    Case(GET_TRANSACTION, (-1,), TRANSACTION_NOT_FOUND, ("transaction -1",)),
    Case(GET_TRANSACTION, (None,), TRANSACTION_NOT_FOUND, ("transaction NULL",)),
    Case(DEPOSIT, (FROZEN, 5), ACCOUNT_FROZEN, ("account 4",)),
    Case(TRANSFER, (FROZEN, SOME, 5), ACCOUNT_FROZEN, ("account 4",)),
    Case(TRANSFER, (SOME, FROZEN, 5), ACCOUNT_FROZEN, ("account 4",)),
    Case(WITHDRAW, (SOME, None), INVALID_AMOUNT, ("NULL",)),
    Case(WITHDRAW, (SOME, "0.004"), INVALID_AMOUNT, ("0.004",)),
    Case(WITHDRAW, (SOME, "Infinity"), INVALID_AMOUNT, ("Infinity",)),
    Case(WITHDRAW, (NONE_HIGHER, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(WITHDRAW, (LARGEST, 5), ACCOUNT_NOT_FOUND, (f"account {LARGEST}",)),
    Case(WITHDRAW, (None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(WITHDRAW, (SOME, "100.01"), INSUFFICIENT_FUNDS, ("account 2", "100.00", "100.01")),
    Case(WITHDRAW, (EMPTY, "0.005"), INSUFFICIENT_FUNDS, ("account 1", "0.00", "0.01")),
    Case(WITHDRAW, (FROZEN, 5), ACCOUNT_FROZEN, ("account 4",)),
    Case(REVERSE, (77,), TRANSACTION_NOT_FOUND, ("transaction 77",)),
    Case(REVERSE, (None,), TRANSACTION_NOT_FOUND, ("transaction NULL",)),
    Case(REVERSE, (FILLS_FROZEN,), ACCOUNT_FROZEN, ("account 4",)),
    Case(REVERSE, (REVERSED,), ALREADY_REVERSED, ("transaction 4",)),
    Case(REVERSE, (REVERSAL,), NOT_REVERSIBLE, ("transaction 5",)),
    Case(GET_STATEMENT, (77, None, 50), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(GET_STATEMENT, (None, None, 50), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(BALANCE_AT, (77, "now"), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(BALANCE_AT, (None, None), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(GET_OUTCOME, (77,), TRANSACTION_NOT_FOUND, ("transaction 77",)),
    Case(GET_OUTCOME, (None,), TRANSACTION_NOT_FOUND, ("transaction NULL",)),
    Case(ENQUEUE_TRANSFER, (SOME, EMPTY, "0.004"), INVALID_AMOUNT, ("0.004",)),
    Case(ENQUEUE_TRANSFER, (SOME, EMPTY, "-Infinity"), INVALID_AMOUNT, ("-Infinity",)),
    Case(ENQUEUE_TRANSFER, (SOME, SOME, 5), SAME_ACCOUNT, ("account 2",)),
    Case(ENQUEUE_TRANSFER, (NONE_HIGHER, SOME, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(ENQUEUE_TRANSFER, (SOME, NONE_LOWER, 5), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(ENQUEUE_TRANSFER, (None, None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER_OR_ENQUEUE, (SOME, EMPTY, None, 0), INVALID_AMOUNT, ("NULL",)),
    Case(TRANSFER_OR_ENQUEUE, (SOME, SOME, 5, 0), SAME_ACCOUNT, ("account 2",)),
    Case(TRANSFER_OR_ENQUEUE, (None, SOME, 5, 0), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER_OR_ENQUEUE, (SOME, NONE_HIGHER, 5, 0), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER_OR_ENQUEUE, (EMPTY, SOME, 5, 0), INSUFFICIENT_FUNDS, ("account 1", "0.00")),
    Case(TRANSFER_OR_ENQUEUE, (SOME, FULL, 5, 0), BALANCE_LIMIT_EXCEEDED, ("account 3", "5.00")),
    Case(TRANSFER_OR_ENQUEUE, (SOME, FROZEN, 5, 0), ACCOUNT_FROZEN, ("account 4",)),
    Case(
        TRANSFER_BATCH,
        (batch([(SOME, EMPTY, "0.01")] * 10_001), False),
        BATCH_TOO_LARGE,
        ("10001 transfers",),
    ),
]
# Calls of a DBA's.
OF_A_DBA = [
    Case(FREEZE_ACCOUNT, (77,), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(FREEZE_ACCOUNT, (None,), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(UNFREEZE_ACCOUNT, (77,), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(UNFREEZE_ACCOUNT, (None,), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case("SELECT wallet.audit(%s)", (77,), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(CANCEL_PENDING, (77,), TRANSACTION_NOT_FOUND, ("transaction 77",)),
    Case(CANCEL_PENDING, (None,), TRANSACTION_NOT_FOUND, ("transaction NULL",)),
    Case(CANCEL_PENDING, (REVERSED,), NOT_PENDING, ("transaction 4",)),
]

PRECEDENCE = [
    # The amount comes before the accounts.
    Case(DEPOSIT, (NONE_HIGHER, 0), INVALID_AMOUNT, ("0",)),
    Case(DEPOSIT, (None, None), INVALID_AMOUNT, ("NULL",)),
    Case(DEPOSIT, (FULL, 1_000_000), INVALID_AMOUNT, ("1000000",)),
    Case(TRANSFER, (SOME, SOME, 0), INVALID_AMOUNT, ("0",)),
    Case(TRANSFER, (NONE_HIGHER, NONE_HIGHER, -1), INVALID_AMOUNT, ("-1",)),
    Case(TRANSFER, (NONE_HIGHER, SOME, "NaN"), INVALID_AMOUNT, ("NaN",)),
    Case(TRANSFER, (SOME, NONE_HIGHER, "0.004"), INVALID_AMOUNT, ("0.004",)),
    Case(TRANSFER, (None, None, None), INVALID_AMOUNT, ("NULL",)),
    Case(TRANSFER, (EMPTY, FULL, 1_000_000), INVALID_AMOUNT, ("1000000",)),
    # One account twice comes before whether there is such an account, and what it holds.
    Case(TRANSFER, (NONE_HIGHER, NONE_HIGHER, 5), SAME_ACCOUNT, ("account 77",)),
    Case(TRANSFER, (EMPTY, EMPTY, 5), SAME_ACCOUNT, ("account 1",)),
    Case(TRANSFER, (FULL, FULL, 5), SAME_ACCOUNT, ("account 3",)),
    # The source is looked for before the target, whichever id is lower.
    Case(TRANSFER, (77, 88, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (88, 77, 5), ACCOUNT_NOT_FOUND, ("account 88",)),
    Case(TRANSFER, (77, None, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (None, 77, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    # Both accounts are looked for before what either holds.
    Case(TRANSFER, (EMPTY, NONE_HIGHER, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (EMPTY, NONE_LOWER, 5), ACCOUNT_NOT_FOUND, ("account 0",)),
    Case(TRANSFER, (EMPTY, None, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    Case(TRANSFER, (NONE_HIGHER, FULL, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER, (None, FULL, 5), ACCOUNT_NOT_FOUND, ("account NULL",)),
    # The source's funds come before the target's limit.
    Case(TRANSFER, (EMPTY, FULL, 5), INSUFFICIENT_FUNDS, ("account 1", "0.00", "5.00")),
    Case(TRANSFER, (SOME, FULL, "100.01"), INSUFFICIENT_FUNDS, ("account 2", "100.00", "100.01")),
    # What an account holds comes before whether it is frozen.
    Case(TRANSFER, (FROZEN, SOME, "50.01"), INSUFFICIENT_FUNDS, ("account 4", "50.00", "50.01")),
    Case(TRANSFER, (EMPTY, FROZEN, 5), INSUFFICIENT_FUNDS, ("account 1", "0.00", "5.00")),
    Case(TRANSFER, (FROZEN, FULL, 5), BALANCE_LIMIT_EXCEEDED, ("account 3", "999999.99", "5.00")),
    Case(TRANSFER, (FULL, FROZEN, "999950"), BALANCE_LIMIT_EXCEEDED, ("account 4", "50.00")),
    Case(TRANSFER, (FROZEN, FROZEN, 5), SAME_ACCOUNT, ("account 4",)),
    Case(TRANSFER, (FROZEN, NONE_HIGHER, 5), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(DEPOSIT, (FROZEN, "999950"), BALANCE_LIMIT_EXCEEDED, ("account 4", "50.00")),
    Case(DEPOSIT, (FROZEN, 0), INVALID_AMOUNT, ("0",)),
    Case(WITHDRAW, (NONE_HIGHER, 0), INVALID_AMOUNT, ("0",)),
    Case(WITHDRAW, (FROZEN, "NaN"), INVALID_AMOUNT, ("NaN",)),
    Case(WITHDRAW, (EMPTY, 1_000_000), INVALID_AMOUNT, ("1000000",)),
    Case(WITHDRAW, (FROZEN, "50.01"), INSUFFICIENT_FUNDS, ("account 4", "50.00", "50.01")),
    # The queue looks at what was given, and at whether the accounts are there.
    Case(ENQUEUE_TRANSFER, (NONE_HIGHER, NONE_HIGHER, 0), INVALID_AMOUNT, ("0",)),
    Case(ENQUEUE_TRANSFER, (NONE_HIGHER, NONE_HIGHER, 5), SAME_ACCOUNT, ("account 77",)),
    Case(ENQUEUE_TRANSFER, (88, 77, 5), ACCOUNT_NOT_FOUND, ("account 88",)),
    Case(ENQUEUE_TRANSFER, (FROZEN, NONE_HIGHER, 500), ACCOUNT_NOT_FOUND, ("account 77",)),
    Case(TRANSFER_OR_ENQUEUE, (88, 77, 5, 0), ACCOUNT_NOT_FOUND, ("account 88",)),
    Case(TRANSFER_OR_ENQUEUE, (NONE_HIGHER, NONE_HIGHER, 0, 0), INVALID_AMOUNT, ("0",)),
    Case(TRANSFER_OR_ENQUEUE, (FROZEN, FULL, 5, 0), BALANCE_LIMIT_EXCEEDED, ("account 3",)),
]


def name(case: Case) -> str:
    function = case.statement.partition("wallet.")[2].partition("(")[0]
    return f"{function}{str(case.arguments)[:60]}-{CODES[case.sqlstate]}"


@pytest.fixture
def accounts(app: Connection, admin: Connection) -> list[int]:
    ids = open_accounts(app, *BALANCES.values())
    assert call(app, DEPOSIT, SOME, 7)["id"] == REVERSED
    assert call(app, REVERSE, REVERSED)["id"] == REVERSAL
    assert call(admin, FREEZE_ACCOUNT, FROZEN)["frozen"] is True
    return ids


@pytest.mark.parametrize("case", CASES + PRECEDENCE, ids=name)
def test_a_refusal_says_what_is_wrong_and_does_nothing(
    app: Connection, admin: Connection, accounts: list[int], case: Case
) -> None:
    assert_refused(app, admin, case)


@pytest.mark.parametrize("case", OF_A_DBA, ids=name)
def test_a_refusal_to_a_dba_says_what_is_wrong_and_does_nothing(
    admin: Connection, accounts: list[int], case: Case
) -> None:
    assert_refused(admin, admin, case)


def assert_refused(caller: Connection, admin: Connection, case: Case) -> None:
    before = ledger(admin)
    diagnostic = refusal(caller, case.statement, *case.arguments)
    assert diagnostic.sqlstate == case.sqlstate
    assert diagnostic.message_primary == CODES[case.sqlstate].replace("_", " ")
    for datum in case.data:
        assert datum.lower() in (diagnostic.message_detail or "").lower()
    assert (diagnostic.message_detail or "").endswith(".")
    assert (diagnostic.message_hint or "").endswith(".")
    assert ledger(admin) == before


def test_every_refusal_is_shown_above() -> None:
    """Save that of a key, which test_idempotency.py shows, and those that are outcomes alone."""
    elsewhere = {IDEMPOTENCY_KEY_REUSED, BATCH_REFUSED, CANCELLED}
    assert {case.sqlstate for case in CASES + OF_A_DBA} == set(CODES) - elsewhere


def test_the_advice_of_a_full_account_can_be_followed(app: Connection, accounts: list[int]) -> None:
    diagnostic = refusal(app, TRANSFER, FULL, SOME, 999_950)
    assert diagnostic.message_hint == "Move at most 999899.99 to this account."
    assert str(call(app, TRANSFER, FULL, SOME, "999899.99")["target_balance"]) == "999999.99"


def undone(app: Connection, statement: str, *arguments: object) -> Transaction | str:
    """What a call answers; what it does is undone again.

    What a reversal reverses is not in its answer.
    """
    with app.transaction(force_rollback=True):
        row = answer(app, statement, *arguments)
    if isinstance(row, str):
        return row
    del row["id"], row["ctime"]
    return Transaction(**row)


Expect = Callable[..., Transaction | str]
"""One of the model's methods."""


def model() -> LedgerModel:
    model = LedgerModel()
    for id, amount in BALANCES.items():
        model.open(id, "ada@example.com")
        if amount != "0":
            remember(model, model.deposit(id, Decimal(amount)))
    remember(model, model.deposit(SOME, Decimal(7)))
    remember(model, model.reverse(REVERSED))
    model.freeze(FROZEN)
    return model


def remember(model: LedgerModel, made: Transaction | str) -> None:
    """Record what was made under the next id."""
    assert isinstance(made, Transaction)
    model.record(len(model.transactions) + 1, made)


def test_every_combination_is_answered_in_the_contracts_order(
    app: Connection, admin: Connection, accounts: list[int]
) -> None:
    before = ledger(admin)
    ids = (None, -1, NONE_LOWER, EMPTY, SOME, FULL, FROZEN, NONE_HIGHER, LARGEST)
    amounts = [
        None,
        *map(Decimal, ("NaN", "-1", "0.004", "0.005", "100", "100.005", "999900", "999999.99")),
        *map(Decimal, ("999999.995", "Infinity")),
    ]
    seen = set()

    def compare(statement: str, arguments: tuple[object, ...], expect: Expect) -> None:
        expected = expect(model(), *arguments)
        if isinstance(expected, Transaction):
            expected = replace(expected, reverses=None)
        assert undone(app, statement, *arguments) == expected, (statement, arguments)
        seen.add(expected if isinstance(expected, str) else "moved")

    for source, target, amount in itertools.product(ids, ids, amounts):
        compare(TRANSFER, (source, target, amount), LedgerModel.transfer)
    for account, amount in itertools.product(ids, amounts):
        compare(DEPOSIT, (account, amount), LedgerModel.deposit)
        compare(WITHDRAW, (account, amount), LedgerModel.withdraw)
    for transaction in (None, -1, 0, *range(1, 7), LARGEST):
        compare(REVERSE, (transaction,), LedgerModel.reverse)
    elsewhere = {INVALID_EMAIL, IDEMPOTENCY_KEY_REUSED, *OF_BATCHES_AND_THE_QUEUE}
    assert seen == {*CODES, "moved"} - elsewhere
    assert ledger(admin) == before


def test_the_model_starts_where_the_ledger_does(admin: Connection, accounts: list[int]) -> None:
    columns = ("id", "email", "balance", "entry_count", "frozen")
    rows = [{column: row[column] for column in columns} for row in ledger(admin).accounts]
    assert rows == [asdict(account) for account in model().accounts.values()]
