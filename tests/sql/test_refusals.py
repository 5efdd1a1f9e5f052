"""Every refusal: its SQLSTATE, its fixed words, its data, its advice, and which one comes first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.calls import Connection, answer, batch, call, ledger, open_accounts, refusal
from tests.support.model import (
    CODES,
    OF_BATCHES_AND_THE_QUEUE,
    OF_HOLDS_AND_LIMITS,
    LedgerModel,
    Transaction,
)

LARGEST = 2**63 - 1
# The accounts that `accounts` opens, and ids that name none.
EMPTY, SOME, FULL, FROZEN = 1, 2, 3, 4
NONE_HIGHER, NONE_LOWER = 77, 0
BALANCES = {EMPTY: "0", SOME: "100.00", FULL: "999999.99", FROZEN: "50.00"}
# The transactions that it makes: what was paid into each account, and a deposit with its reversal.
FILLS_FROZEN, REVERSED, REVERSAL = 3, 4, 5
# The holds: one that was released, one that is open.
CLOSED, OPEN = 1, 2

# A call, and the refusal that must answer it with its DETAIL. test_queue.py and test_batches.py
# hold the queue's and the batch's refusals to these.
CASES: list[tuple[str, tuple[object, ...], str, str]] = [
    ("create_account", ("ada",), "WL001", "The email is 'ada'."),
    ("transfer", (SOME, EMPTY, "0.004"), "WL002", "The amount is 0.004."),
    ("transfer", (SOME, SOME, 5), "WL003", "Source and target are both account 2."),
    ("get_account", (None,), "WL004", "There is no account NULL."),
    ("get_account", (LARGEST,), "WL004", f"There is no account {LARGEST}."),
    ("deposit", (-1, 5), "WL004", "There is no account -1."),
    ("deposit", (None, 5), "WL004", "There is no account NULL."),
    ("withdraw", (None, 5), "WL004", "There is no account NULL."),
    ("get_statement", (77, None, 50), "WL004", "There is no account 77."),
    ("balance_at", (77, "now"), "WL004", "There is no account 77."),
    ("audit", (77,), "WL004", "There is no account 77."),
    ("freeze_account", (77,), "WL004", "There is no account 77."),
    ("freeze_account", (None,), "WL004", "There is no account NULL."),
    ("unfreeze_account", (77,), "WL004", "There is no account 77."),
    ("get_transaction", (None,), "WL005", "There is no transaction NULL."),
    ("get_transaction", (77,), "WL005", "There is no transaction 77."),
    ("reverse", (77,), "WL005", "There is no transaction 77."),
    ("get_transfer_result", (77,), "WL005", "There is no transaction 77."),
    ("cancel_pending", (None,), "WL005", "There is no transaction NULL."),
    ("cancel_pending", (77,), "WL005", "There is no transaction 77."),
    (
        *("transfer", (SOME, EMPTY, "100.01"), "WL006"),
        "Account 2 holds 100.00, which is less than 100.01.",
    ),
    (*("withdraw", (EMPTY, "0.005"), "WL006"), "Account 1 holds 0.00, which is less than 0.01."),
    (
        *("transfer", (FULL, SOME, "999900"), "WL007"),
        "Account 2 holds 100.00; with 999900.00 more it would pass 999999.99.",
    ),
    (
        *("deposit", (FULL, "0.01"), "WL007"),
        "Account 3 holds 999999.99; with 0.01 more it would pass 999999.99.",
    ),
    ("transfer", (FROZEN, SOME, 5), "WL008", "Account 4 takes no part in new transactions."),
    ("transfer", (SOME, FROZEN, 5), "WL008", "Account 4 takes no part in new transactions."),
    ("reverse", (FILLS_FROZEN,), "WL008", "Account 4 takes no part in new transactions."),
    ("reverse", (REVERSED,), "WL009", "Transaction 4 has been reversed already."),
    ("reverse", (REVERSAL,), "WL010", "Transaction 5 is a reversal itself."),
    ("transfer_batch", (batch([(SOME, EMPTY, 1)] * 10_001), False), "WL012", "10001 transfers"),
    ("cancel_pending", (REVERSED,), "WL015", "Transaction 4 has succeeded or failed already."),
    ("get_hold", (77,), "WL016", "There is no hold 77."),
    ("release", (None,), "WL016", "There is no hold NULL."),
    ("capture", (CLOSED,), "WL017", "Hold 1 is released."),
    ("capture", (OPEN, "10.01"), "WL018", "Hold 2 has 10.00 left, which is less than 10.01."),
    (
        *("set_limits", (SOME, None, 99), "WL019"),
        "Account 2 holds 100.00, of which 0.00 is held: it is not within 0.00 and 99.00.",
    ),
    # Which account is named: the source is looked for first, whichever id is lower.
    ("transfer", (77, 88, 5), "WL004", "There is no account 77."),
    ("transfer", (88, 77, 5), "WL004", "There is no account 88."),
    ("transfer", (None, 77, 5), "WL004", "There is no account NULL."),
    ("transfer", (77, None, 5), "WL004", "There is no account 77."),
    ("transfer", (EMPTY, NONE_LOWER, 5), "WL004", "There is no account 0."),
    ("transfer", (NONE_HIGHER, FULL, 5), "WL004", "There is no account 77."),
]


@pytest.fixture
def accounts(app: Connection, admin: Connection) -> None:
    open_accounts(app, *BALANCES.values())
    assert call(app, "deposit", SOME, 7)["id"] == REVERSED
    assert call(app, "reverse", REVERSED)["id"] == REVERSAL
    for _ in (CLOSED, OPEN):
        call(app, "hold", FULL, 10)
    call(app, "release", CLOSED)
    call(admin, "freeze_account", FROZEN)


def test_a_refusal_says_what_is_wrong_and_does_nothing(admin: Connection, accounts: None) -> None:
    before = ledger(admin)
    for function, arguments, sqlstate, detail in CASES:
        case = (function, str(arguments)[:60])
        diagnostic = refusal(admin, function, *arguments)
        assert diagnostic.sqlstate == sqlstate, case
        assert diagnostic.message_primary == CODES[sqlstate].replace("_", " "), case
        if sqlstate == "WL012":
            assert detail in (diagnostic.message_detail or ""), case
        else:
            assert diagnostic.message_detail == detail, case
        assert (diagnostic.message_hint or "").endswith("."), case
    assert ledger(admin) == before
    # Save that of a key, which test_idempotency.py shows, and those that are results alone.
    assert {case[2] for case in CASES} == set(CODES) - {"WL011", "WL013", "WL014", "WL020"}


def undone(app: Connection, function: str, *arguments: object) -> Transaction | str:
    """What a call answers; what it does is undone again."""
    with app.transaction(force_rollback=True):
        row = answer(app, function, *arguments)
    if isinstance(row, str):
        return row
    del row["id"], row["ctime"], row["actor"]
    return Transaction(**row)


def model() -> LedgerModel:
    """The model where `accounts` leaves the ledger."""
    model = LedgerModel()

    def record(made: Transaction | str) -> None:
        assert isinstance(made, Transaction)
        model.record(len(model.transactions) + 1, made)

    for id, amount in BALANCES.items():
        model.open(id, "ada@example.com")
        if amount != "0":
            record(model.deposit(id, Decimal(amount)))
    record(model.deposit(SOME, Decimal(7)))
    record(model.reverse(REVERSED))
    for id in (CLOSED, OPEN):
        model.hold(id, FULL, Decimal(10))
    model.release(CLOSED)
    model.freeze(FROZEN)
    return model


def test_every_combination_is_answered_in_the_contracts_order(
    app: Connection, admin: Connection, accounts: None
) -> None:
    before = ledger(admin)
    ids = (None, NONE_LOWER, EMPTY, SOME, FULL, FROZEN, NONE_HIGHER, LARGEST)
    amounts = [
        None,
        *map(Decimal, ("NaN", "-1", "0.005", "50.01", "100", "100.005", "999900", "999999.99")),
        Decimal("999999.995"),
    ]
    seen = set()

    def compare(
        function: str, arguments: tuple[object, ...], expect: Callable[..., Transaction | str]
    ) -> None:
        expected = expect(model(), *arguments)
        if isinstance(expected, Transaction):
            expected = replace(expected, reverses=None)  # It is not in the call's answer.
        assert undone(app, function, *arguments) == expected, (function, arguments)
        seen.add(expected if isinstance(expected, str) else "moved")

    for source, target, amount in itertools.product(ids, ids, amounts):
        compare("transfer", (source, target, amount), LedgerModel.transfer)
    for account, amount in itertools.product(ids, amounts):
        compare("deposit", (account, amount), LedgerModel.deposit)
        compare("withdraw", (account, amount), LedgerModel.withdraw)
    for transaction in (None, -1, 0, *range(1, 7), LARGEST):
        compare("reverse", (transaction,), LedgerModel.reverse)
    elsewhere = {"WL001", "WL011", *OF_BATCHES_AND_THE_QUEUE, *OF_HOLDS_AND_LIMITS}
    assert seen == {*CODES, "moved"} - elsewhere
    assert ledger(admin) == before
