"""The shop's tests, with a real ledger."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pgwallet import Wallet
from shop import Shop


@pytest.fixture
def shop(wallet: Wallet) -> Shop:
    till = wallet.create_account("till@shop.example")
    customer = wallet.create_account("ada@example.com")
    wallet.deposit(customer.id, "10.00")
    return Shop(wallet, till.id)


def test_an_order_is_paid_once(shop: Shop) -> None:
    payment = shop.buy("order-1", 2, "tea", "tea")
    assert shop.buy("order-1", 2, "tea", "tea") == payment
    assert shop.takings() == Decimal("6.40")


def test_who_has_too_little_buys_nothing(shop: Shop) -> None:
    assert shop.buy("order-1", 2, "cake", "cake", "tea") is None
    assert shop.takings() == 0


def test_what_is_taken_back_is_paid_back(shop: Shop) -> None:
    payment = shop.buy("order-1", 2, "cake")
    assert payment
    shop.take_back("order-1", payment)
    assert shop.takings() == 0
