"""Amounts are rounded to hundredths, half away from zero, and must then be 0.01 to 999999.99."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.calls import DEPOSIT, TRANSFER, Connection, call, ledger, open_accounts, refusal
from tests.support.model import INVALID_AMOUNT

ROUNDED = [
    ("0.005", "0.01"),
    ("0.00500000000000000000000000000000000001", "0.01"),
    ("0.0149999999999999999999999999999999999999", "0.01"),
    ("0.015", "0.02"),
    ("0.025", "0.03"),  # half to even would give 0.02
    ("1", "1.00"),
    ("1.005", "1.01"),  # the binary float nearest to it is 1.00499…
    ("2.345", "2.35"),
    ("2.675", "2.68"),
    ("12.3", "12.30"),
    ("1e2", "100.00"),
    ("999999.99", "999999.99"),
    ("999999.994", "999999.99"),
    ("999999.99499999999999999999999999999999999", "999999.99"),
]

REFUSED = [
    "NaN",
    "Infinity",
    "-Infinity",
    "0",
    "0.00",
    "-0",
    "0.004",
    "0.0049999999999999999999999999999999999999",
    "1e-16383",
    "-0.004",
    "-0.005",
    "-0.01",
    "-1",
    "-999999.99",
    "999999.995",
    "1000000",
    "1000000.00",
    "1e20",
    "1e131071",
    "-1e131071",
]
# Rounding either of these to hundredths carries it past what numeric can hold.
LONGEST = "9" * 131_072 + ".995"


@pytest.mark.parametrize(("amount", "expected"), ROUNDED)
def test_a_deposit_is_rounded_half_away_from_zero(
    app: Connection, amount: str, expected: str
) -> None:
    open_accounts(app, "0")
    transaction = call(app, DEPOSIT, 1, Decimal(amount))
    assert str(transaction["amount"]) == expected
    assert str(transaction["target_balance"]) == expected


@pytest.mark.parametrize(("amount", "expected"), ROUNDED)
def test_a_transfer_is_rounded_half_away_from_zero(
    app: Connection, amount: str, expected: str
) -> None:
    open_accounts(app, "999999.99", "0")
    transaction = call(app, TRANSFER, 1, 2, Decimal(amount))
    assert str(transaction["amount"]) == expected
    assert str(transaction["target_balance"]) == expected
    assert transaction["source_balance"] == Decimal("999999.99") - Decimal(expected)


@pytest.mark.parametrize("amount", REFUSED)
def test_no_other_amount_is_taken(app: Connection, admin: Connection, amount: str) -> None:
    open_accounts(app, "500", "500")
    before = ledger(admin)
    for diagnostic in (
        refusal(app, DEPOSIT, 1, Decimal(amount)),
        refusal(app, TRANSFER, 1, 2, Decimal(amount)),
    ):
        assert diagnostic.sqlstate == INVALID_AMOUNT
        assert diagnostic.message_primary == "invalid amount"
    assert ledger(admin) == before


@pytest.mark.parametrize("amount", [LONGEST, f"-{LONGEST}"], ids=["positive", "negative"])
def test_the_longest_numbers_are_refused_like_any_other(app: Connection, amount: str) -> None:
    open_accounts(app, "0", "0")
    assert refusal(app, DEPOSIT, 1, Decimal(amount)).sqlstate == INVALID_AMOUNT
    assert refusal(app, TRANSFER, 1, 2, Decimal(amount)).sqlstate == INVALID_AMOUNT


@pytest.mark.parametrize(
    ("amount", "name"),
    [
        (None, "NULL"),
        (Decimal("NaN"), "NaN"),
        (Decimal("Infinity"), "Infinity"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("0.004"), "0.004"),
        (Decimal("-5"), "-5"),
        (Decimal("999999.995"), "999999.995"),
    ],
)
def test_an_amount_is_refused_by_name(app: Connection, amount: Decimal | None, name: str) -> None:
    open_accounts(app, "0", "0")
    for diagnostic in (
        refusal(app, DEPOSIT, 1, amount),
        refusal(app, TRANSFER, 1, 2, amount),
    ):
        assert diagnostic.sqlstate == INVALID_AMOUNT
        assert diagnostic.message_detail == f"The amount is {name}."


def test_a_refusal_does_not_repeat_a_long_amount(app: Connection) -> None:
    open_accounts(app, "0")
    detail = refusal(app, DEPOSIT, 1, Decimal("1e131071")).message_detail
    assert detail is not None
    assert len(detail) < 200


def test_rounding_comes_before_the_balance_is_looked_at(app: Connection) -> None:
    open_accounts(app, "0.01", "999999.98")
    transaction = call(app, TRANSFER, 1, 2, Decimal("0.0149"))
    assert str(transaction["source_balance"]) == "0.00"
    assert str(transaction["target_balance"]) == "999999.99"


def test_an_amount_that_rounds_up_past_the_balance_is_refused(app: Connection) -> None:
    open_accounts(app, "0.01", "0")
    assert refusal(app, TRANSFER, 1, 2, Decimal("0.015")).sqlstate == "WL006"


def test_an_amount_that_rounds_up_past_the_limit_is_refused(app: Connection) -> None:
    open_accounts(app, "999999.98", "1")
    assert refusal(app, DEPOSIT, 1, Decimal("0.015")).sqlstate == "WL007"
    assert refusal(app, TRANSFER, 2, 1, Decimal("0.015")).sqlstate == "WL007"
