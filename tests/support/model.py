"""The wallet ledger as the contract tells it: a plain model in exact decimals.

A property-based test makes each call twice, once here and once through the real thing (SQL or
HTTP), and compares the answers. A call answers with what it made or with the refusal's SQLSTATE:

    ledger = LedgerModel()
    ledger.open(7, "ada@example.com")  # Account(id=7, …), since the real ledger said 7
    ledger.deposit(7, Decimal("0.005"))  # Transaction(…, amount=Decimal("0.01"), …)
    ledger.deposit(8, Decimal("0.005"))  # "WL004"
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal

INVALID_EMAIL = "WL001"
INVALID_AMOUNT = "WL002"
SAME_ACCOUNT = "WL003"
ACCOUNT_NOT_FOUND = "WL004"
TRANSACTION_NOT_FOUND = "WL005"
INSUFFICIENT_FUNDS = "WL006"
BALANCE_LIMIT_EXCEEDED = "WL007"

# The contract's code of each SQLSTATE, in the contract's order of precedence.
CODES = {
    INVALID_EMAIL: "invalid_email",
    INVALID_AMOUNT: "invalid_amount",
    SAME_ACCOUNT: "same_account",
    ACCOUNT_NOT_FOUND: "account_not_found",
    TRANSACTION_NOT_FOUND: "transaction_not_found",
    INSUFFICIENT_FUNDS: "insufficient_funds",
    BALANCE_LIMIT_EXCEEDED: "balance_limit_exceeded",
}

CENT = Decimal("0.01")
LIMIT = Decimal("999999.99")

# PostgreSQL's numeric has up to 131072 digits before the point and 16383 after it.
_EXACT = Context(prec=150_000, rounding=ROUND_HALF_UP)
_EMAIL = re.compile(r"[^@ \u00a0\0-\x1f\x7f-\x9f]+@[^@ \u00a0\0-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Account:
    """An account between two calls."""

    id: int
    email: str
    balance: Decimal = Decimal("0.00")
    entry_count: int = 0


@dataclass(frozen=True)
class Transaction:
    """Money that moved. Without a source, a deposit from outside.

    It has no id, since which id the real ledger gives is the ledger's affair.
    """

    source_account_id: int | None
    target_account_id: int
    amount: Decimal
    source_entry: int | None
    target_entry: int
    source_balance: Decimal | None
    target_balance: Decimal


def rounded(amount: Decimal) -> Decimal:
    """A finite amount in hundredths, half away from zero. Exact, however long the amount is."""
    return amount.quantize(CENT, context=_EXACT)


def valid_amount(amount: Decimal | None) -> Decimal | None:
    """The amount in hundredths, or None if the contract's Money refuses it."""
    if amount is None or not amount.is_finite():
        return None
    hundredths = rounded(amount)
    return hundredths if CENT <= hundredths <= LIMIT else None


def valid_email(email: str | None) -> bool:
    return email is not None and len(email) <= 254 and _EMAIL.fullmatch(email) is not None


class LedgerModel:
    """Accounts by id. Refused calls change nothing."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}

    def open(self, id: int, email: str | None) -> Account | str:
        """Open an account under the id that the real ledger gave; any id will do if it refused."""
        if email is None or not valid_email(email):
            return INVALID_EMAIL
        if id in self.accounts:
            raise ValueError(f"account {id} was given out twice")
        self.accounts[id] = Account(id, email)
        return self.accounts[id]

    def get(self, id: int | None) -> Account | str:
        if id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        return self.accounts[id]

    def deposit(self, account_id: int | None, amount: Decimal | None) -> Transaction | str:
        hundredths = valid_amount(amount)
        if hundredths is None:
            return INVALID_AMOUNT
        if account_id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        if self.accounts[account_id].balance + hundredths > LIMIT:
            return BALANCE_LIMIT_EXCEEDED
        target = self._enter(account_id, hundredths)
        return Transaction(
            None, target.id, hundredths, None, target.entry_count, None, target.balance
        )

    def transfer(
        self, source_account_id: int | None, target_account_id: int | None, amount: Decimal | None
    ) -> Transaction | str:
        hundredths = valid_amount(amount)
        if hundredths is None:
            return INVALID_AMOUNT
        if source_account_id is not None and source_account_id == target_account_id:
            return SAME_ACCOUNT
        if source_account_id not in self.accounts or target_account_id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        if self.accounts[source_account_id].balance < hundredths:
            return INSUFFICIENT_FUNDS
        if self.accounts[target_account_id].balance + hundredths > LIMIT:
            return BALANCE_LIMIT_EXCEEDED
        source = self._enter(source_account_id, -hundredths)
        target = self._enter(target_account_id, hundredths)
        return Transaction(
            source.id,
            target.id,
            hundredths,
            source.entry_count,
            target.entry_count,
            source.balance,
            target.balance,
        )

    def _enter(self, id: int, amount: Decimal) -> Account:
        account = self.accounts[id]
        self.accounts[id] = replace(
            account, balance=account.balance + amount, entry_count=account.entry_count + 1
        )
        return self.accounts[id]
