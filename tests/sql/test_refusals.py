"""Every refusal: its SQLSTATE, its fixed words, its data, its advice, and which one comes first."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from decimal import Decimal
from typing import NamedTuple

import pytest

from tests.support.calls import (
    CREATE_ACCOUNT,
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    Connection,
    answer,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.model import (
    ACCOUNT_NOT_FOUND,
    BALANCE_LIMIT_EXCEEDED,
    CODES,
    INSUFFICIENT_FUNDS,
    INVALID_AMOUNT,
    INVALID_EMAIL,
    SAME_ACCOUNT,
    TRANSACTION_NOT_FOUND,
    LedgerModel,
    Transaction,
)

LARGEST = 2**63 - 1
# The accounts that `accounts` opens, and ids that name none.
EMPTY, SOME, FULL = 1, 2, 3
NONE_HIGHER, NONE_LOWER = 77, 0
BALANCES = {EMPTY: "0", SOME: "100.00", FULL: "999999.99"}


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
]


def name(case: Case) -> str:
    function = case.statement.partition("wallet.")[2].partition("(")[0]
    return f"{function}{case.arguments}-{CODES[case.sqlstate]}"


@pytest.fixture
def accounts(app: Connection) -> list[int]:
    return open_accounts(app, *BALANCES.values())


@pytest.mark.parametrize("case", CASES + PRECEDENCE, ids=name)
def test_a_refusal_says_what_is_wrong_and_does_nothing(
    app: Connection, admin: Connection, accounts: list[int], case: Case
) -> None:
    before = ledger(admin)
    diagnostic = refusal(app, case.statement, *case.arguments)
    assert diagnostic.sqlstate == case.sqlstate
    assert diagnostic.message_primary == CODES[case.sqlstate].replace("_", " ")
    for datum in case.data:
        assert datum.lower() in (diagnostic.message_detail or "").lower()
    assert (diagnostic.message_detail or "").endswith(".")
    assert (diagnostic.message_hint or "").endswith(".")
    assert ledger(admin) == before


def test_every_refusal_is_shown_above() -> None:
    assert {case.sqlstate for case in CASES} == set(CODES)


def test_the_advice_of_a_full_account_can_be_followed(app: Connection, accounts: list[int]) -> None:
    diagnostic = refusal(app, TRANSFER, FULL, SOME, 999_950)
    assert diagnostic.message_hint == "Move at most 999899.99 to this account."
    assert str(call(app, TRANSFER, FULL, SOME, "999899.99")["target_balance"]) == "999999.99"


def undone(app: Connection, statement: str, *arguments: object) -> Transaction | str:
    """What a call answers; what it does is undone again."""
    with app.transaction(force_rollback=True):
        row = answer(app, statement, *arguments)
    if isinstance(row, str):
        return row
    del row["id"], row["ctime"]
    return Transaction(**row)


def model() -> LedgerModel:
    model = LedgerModel()
    for id, amount in BALANCES.items():
        model.open(id, "ada@example.com")
        if amount != "0":
            model.deposit(id, Decimal(amount))
    return model


def test_every_combination_is_answered_in_the_contracts_order(
    app: Connection, admin: Connection, accounts: list[int]
) -> None:
    before = ledger(admin)
    ids = (None, -1, NONE_LOWER, EMPTY, SOME, FULL, NONE_HIGHER, LARGEST)
    amounts = [
        None,
        *map(Decimal, ("NaN", "-1", "0.004", "0.005", "100", "100.005", "999900", "999999.99")),
        *map(Decimal, ("999999.995", "Infinity")),
    ]
    seen = set()
    for source, target, amount in itertools.product(ids, ids, amounts):
        expected = model().transfer(source, target, amount)
        assert undone(app, TRANSFER, source, target, amount) == expected, (source, target, amount)
        seen.add(expected if isinstance(expected, str) else "moved")
    for target, amount in itertools.product(ids, amounts):
        expected = model().deposit(target, amount)
        assert undone(app, DEPOSIT, target, amount) == expected, (target, amount)
        seen.add(expected if isinstance(expected, str) else "moved")
    assert seen == {*CODES, "moved"} - {INVALID_EMAIL, TRANSACTION_NOT_FOUND}
    assert ledger(admin) == before


def test_the_model_starts_where_the_ledger_does(admin: Connection, accounts: list[int]) -> None:
    columns = ("id", "email", "balance", "entry_count")
    rows = [{column: row[column] for column in columns} for row in ledger(admin).accounts]
    assert rows == [asdict(account) for account in model().accounts.values()]
