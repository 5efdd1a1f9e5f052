"""The wallet ledger as the contract tells it: a plain model in exact decimals.

A property-based test makes each call twice, once here and once through the real thing (SQL or
HTTP), and compares the answers. A call answers with what it made or with the refusal's SQLSTATE:

    ledger = LedgerModel()
    ledger.open(7, "ada@example.com")  # Account(id=7, …), since the real ledger said 7
    ledger.deposit(7, Decimal("0.005"))  # Transaction(…, amount=Decimal("0.01"), …)
    ledger.deposit(8, Decimal("0.005"))  # "WL004"
    ledger.record(3, made)  # The real ledger gave this transaction the id 3.
    ledger.reverse(3)  # Transaction(…, reverses=3)
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal

# The contract's code of each SQLSTATE, in the contract's order of precedence.
CODES = {
    "WL001": "invalid_email",
    "WL002": "invalid_amount",
    "WL003": "same_account",
    "WL004": "account_not_found",
    "WL005": "transaction_not_found",
    "WL006": "insufficient_funds",
    "WL007": "balance_limit_exceeded",
    "WL008": "account_frozen",
    "WL009": "already_reversed",
    "WL010": "not_reversible",
    "WL011": "idempotency_key_reused",
    "WL012": "batch_too_large",
    "WL013": "batch_refused",
    "WL014": "cancelled",
    "WL015": "not_pending",
    "WL016": "hold_not_found",
    "WL017": "hold_closed",
    "WL018": "hold_exceeded",
    "WL019": "limit_in_use",
    "WL020": "processing_failed",
}
INVALID_EMAIL, INVALID_AMOUNT, SAME_ACCOUNT, ACCOUNT_NOT_FOUND = list(CODES)[:4]
TRANSACTION_NOT_FOUND, INSUFFICIENT_FUNDS, BALANCE_LIMIT_EXCEEDED = list(CODES)[4:7]
ACCOUNT_FROZEN, ALREADY_REVERSED, NOT_REVERSIBLE = list(CODES)[7:10]
HOLD_NOT_FOUND, HOLD_CLOSED, HOLD_EXCEEDED, LIMIT_IN_USE = list(CODES)[15:19]
# PostgreSQL's own invalid_parameter_value, for a page that is too large or has no line.
INVALID_PAGE_SIZE = "22023"

# What only a batch or the queue is refused or fails with; tests of theirs show it.
OF_BATCHES_AND_THE_QUEUE = {"WL012", "WL013", "WL014", "WL015", "WL020"}
OF_HOLDS_AND_LIMITS = {HOLD_NOT_FOUND, HOLD_CLOSED, HOLD_EXCEEDED, LIMIT_IN_USE}

CENT = Decimal("0.01")
LIMIT = Decimal("999999.99")

# PostgreSQL's numeric has up to 131072 digits before the point and 16383 after it.
_EXACT = Context(prec=150_000, rounding=ROUND_HALF_UP)
_EMAIL = re.compile(r"[^@]+@[^@]+")


@dataclass(frozen=True)
class Account:
    """An account between two calls."""

    id: int
    email: str
    balance: Decimal = Decimal("0.00")
    entry_count: int = 0
    frozen: bool = False
    held: Decimal = Decimal("0.00")
    minimum: Decimal = Decimal("0.00")
    maximum: Decimal = Decimal("999999.99")


@dataclass(frozen=True)
class Hold:
    """Money of an account that is reserved, or was."""

    id: int
    account_id: int
    amount: Decimal
    captured: Decimal = Decimal("0.00")
    state: str = "held"


@dataclass(frozen=True)
class Transaction:
    """Money that moved. Without a source, a deposit from outside; without a target, a withdrawal.

    It has no id, since which id the real ledger gives is the ledger's affair.
    """

    source_account_id: int | None
    target_account_id: int | None
    amount: Decimal
    source_entry: int | None
    target_entry: int | None
    source_balance: Decimal | None
    target_balance: Decimal | None
    reverses: int | None = None
    """The transaction that it takes back. In the real ledger that stands in a table of its own."""


@dataclass(frozen=True)
class Line:
    """An entry of an account as its statement tells it."""

    entry: int
    kind: str
    counterparty_account_id: int | None
    amount: Decimal
    balance: Decimal


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
    if email is None or len(email) > 254 or not _EMAIL.fullmatch(email):
        return False
    # White space, control and format characters.
    return not {unicodedata.category(c) for c in email} & {"Cc", "Cf", "Zl", "Zp", "Zs"}


class LedgerModel:
    """Accounts by id. Refused calls change nothing."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.transactions: dict[int, Transaction] = {}
        self.lines: dict[int, list[Line]] = {}
        self.holds: dict[int, Hold] = {}
        self._reversed: set[int] = set()

    def open(self, id: int, email: str | None) -> Account | str:
        """Open an account under the id that the real ledger gave; any id will do if it refused."""
        if email is None or not valid_email(email):
            return INVALID_EMAIL
        if id in self.accounts:
            raise ValueError(f"account {id} was given out twice")
        self.accounts[id] = Account(id, email)
        self.lines[id] = []
        return self.accounts[id]

    def record(self, id: int, transaction: Transaction) -> None:
        """Know a transaction that was answered by the id that the real ledger gave it."""
        if id in self.transactions:
            raise ValueError(f"transaction {id} was given out twice")
        self.transactions[id] = transaction

    def get(self, id: int | None) -> Account | str:
        if id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        return self.accounts[id]

    def find(self, email: str | None) -> list[Account]:
        """The accounts of an address, the oldest first."""
        wanted = email.lower() if email is not None else None
        return [account for account in self.accounts.values() if account.email.lower() == wanted]

    def freeze(self, id: int | None) -> Account | str:
        return self._set_frozen(id, True)

    def unfreeze(self, id: int | None) -> Account | str:
        return self._set_frozen(id, False)

    def deposit(self, account_id: int | None, amount: Decimal | None) -> Transaction | str:
        hundredths = valid_amount(amount)
        if hundredths is None:
            return INVALID_AMOUNT
        known = account_id in self.accounts
        return self._post(None, account_id, hundredths) if known else ACCOUNT_NOT_FOUND

    def withdraw(self, account_id: int | None, amount: Decimal | None) -> Transaction | str:
        hundredths = valid_amount(amount)
        if hundredths is None:
            return INVALID_AMOUNT
        known = account_id in self.accounts
        return self._post(account_id, None, hundredths) if known else ACCOUNT_NOT_FOUND

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
        return self._post(source_account_id, target_account_id, hundredths)

    def reverse(self, transaction_id: int | None) -> Transaction | str:
        """Take back a transaction that was recorded."""
        if transaction_id not in self.transactions:
            return TRANSACTION_NOT_FOUND
        first = self.transactions[transaction_id]
        if first.reverses is not None:
            return NOT_REVERSIBLE
        if transaction_id in self._reversed:
            return ALREADY_REVERSED
        back = (first.target_account_id, first.source_account_id, first.amount)
        made = self._post(*back, reverses=transaction_id)
        if isinstance(made, Transaction):
            self._reversed.add(transaction_id)
        return made

    def statement(
        self, account_id: int | None, before: int | None = None, page_size: int | None = 50
    ) -> list[Line] | str:
        """A page of an account's lines, the newest first."""
        if page_size is None or not 1 <= page_size <= 1000:
            return INVALID_PAGE_SIZE
        if account_id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        lines = [line for line in self.lines[account_id] if before is None or line.entry < before]
        return lines[::-1][:page_size]

    def hold(self, id: int, account_id: int | None, amount: Decimal | None) -> Hold | str:
        """Reserve money under the id that the real ledger gave; any id will do if it refused."""
        hundredths = valid_amount(amount)
        if hundredths is None:
            return INVALID_AMOUNT
        if account_id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        account = self.accounts[account_id]
        if account.balance - account.held - hundredths < account.minimum:
            return INSUFFICIENT_FUNDS
        if account.frozen:
            return ACCOUNT_FROZEN
        self.accounts[account_id] = replace(account, held=account.held + hundredths)
        self.holds[id] = Hold(id, account_id, hundredths)
        return self.holds[id]

    def capture(
        self, id: int | None, amount: Decimal | None, target_id: int | None, final: bool | None
    ) -> Transaction | str:
        hundredths = valid_amount(amount)
        if amount is not None and hundredths is None:
            return INVALID_AMOUNT
        if id not in self.holds:
            return HOLD_NOT_FOUND
        hold = self.holds[id]
        if hold.account_id == target_id:
            return SAME_ACCOUNT
        if target_id is not None and target_id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        if hold.state != "held":
            return HOLD_CLOSED
        left = hold.amount - hold.captured
        taken = hundredths or left
        if taken > left:
            return HOLD_EXCEEDED
        before = self.accounts[hold.account_id]
        freed = left if final else taken
        self.accounts[before.id] = replace(before, held=before.held - freed)
        made = self._post(before.id, target_id, taken)
        if isinstance(made, str):
            self.accounts[before.id] = before
        else:
            state = "captured" if freed == left else "held"
            self.holds[id] = replace(hold, captured=hold.captured + taken, state=state)
        return made

    def release(self, id: int | None, state: str = "released") -> Hold | str:
        """Give back what is left of a hold; the sweep does it for those that are due."""
        if id not in self.holds:
            return HOLD_NOT_FOUND
        hold = self.holds[id]
        if hold.state != "held":
            return HOLD_CLOSED
        account = self.accounts[hold.account_id]
        held = account.held - (hold.amount - hold.captured)
        self.accounts[account.id] = replace(account, held=held)
        self.holds[id] = replace(hold, state=state)
        return self.holds[id]

    def set_limits(
        self, id: int | None, minimum: Decimal | None, maximum: Decimal | None
    ) -> Account | str:
        for limit in (minimum, maximum):
            if limit is not None and not (limit.is_finite() and abs(rounded(limit)) <= LIMIT):
                return INVALID_AMOUNT
        if id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        account = self.accounts[id]
        low = account.minimum if minimum is None else rounded(minimum)
        high = account.maximum if maximum is None else rounded(maximum)
        if not low <= account.balance - account.held <= account.balance <= high:
            return LIMIT_IN_USE
        self.accounts[id] = replace(account, minimum=low, maximum=high)
        return self.accounts[id]

    def _set_frozen(self, id: int | None, frozen: bool) -> Account | str:
        if id not in self.accounts:
            return ACCOUNT_NOT_FOUND
        self.accounts[id] = replace(self.accounts[id], frozen=frozen)
        return self.accounts[id]

    def _post(
        self,
        source_id: int | None,
        target_id: int | None,
        amount: Decimal,
        reverses: int | None = None,
    ) -> Transaction | str:
        """Move an amount between two accounts that are there, unless what they hold forbids it."""
        payer = None if source_id is None else self.accounts[source_id]
        payee = None if target_id is None else self.accounts[target_id]
        if payer is not None and payer.balance - payer.held - amount < payer.minimum:
            return INSUFFICIENT_FUNDS
        if payee is not None and payee.balance + amount > payee.maximum:
            return BALANCE_LIMIT_EXCEEDED
        if any(account is not None and account.frozen for account in (payer, payee)):
            return ACCOUNT_FROZEN
        kinds = ("withdrawal", "deposit")
        if source_id is not None and target_id is not None:
            kinds = ("transfer_out", "transfer_in")
        if reverses is not None:
            kinds = ("reversal", "reversal")
        source = self._enter(source_id, -amount, kinds[0], target_id)
        target = self._enter(target_id, amount, kinds[1], source_id)
        return Transaction(
            source_id,
            target_id,
            amount,
            source.entry if source else None,
            target.entry if target else None,
            source.balance if source else None,
            target.balance if target else None,
            reverses,
        )

    def _enter(
        self, id: int | None, amount: Decimal, kind: str, counterparty_id: int | None
    ) -> Line | None:
        """An account's side of a transaction; the world outside has none."""
        if id is None:
            return None
        account = self.accounts[id]
        self.accounts[id] = replace(
            account, balance=account.balance + amount, entry_count=account.entry_count + 1
        )
        line = Line(
            self.accounts[id].entry_count, kind, counterparty_id, amount, self.accounts[id].balance
        )
        self.lines[id].append(line)
        return line
