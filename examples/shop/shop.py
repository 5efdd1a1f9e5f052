"""A shop that takes money from its customers' wallets."""

from __future__ import annotations

from decimal import Decimal

from pgwallet import InsufficientFunds, Wallet

PRICES = {"tea": Decimal("3.20"), "cake": Decimal("4.05")}


class Shop:
    """Sells what is in PRICES; the till is an account of the ledger."""

    def __init__(self, wallet: Wallet, till: int) -> None:
        self._wallet = wallet
        self._till = till

    def buy(self, order: str, customer: int, *items: str) -> int | None:
        """Take the price of the items: the id of the payment, or None if it is too much.

        Each order is paid once, however often this is called.
        """
        price = sum((PRICES[item] for item in items), Decimal())
        try:
            return self._wallet.transfer(customer, self._till, price, idempotency_key=order).id
        except InsufficientFunds:
            return None

    def take_back(self, order: str, payment: int) -> None:
        """Give the money of a payment back."""
        self._wallet.reverse(payment, idempotency_key=f"{order}-back")

    def takings(self) -> Decimal:
        """What has been paid, less what was given back."""
        return self._wallet.get_account(self._till).balance
