"""What the service answers with: frozen, money as Decimal, times as aware datetimes in UTC.

Members that a newer service adds are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Amount: TypeAlias = Decimal | int | str
"""Money that is sent: never a float, which has no exact hundredths."""


class Account(Struct, frozen=True, kw_only=True):
    """A wallet."""

    id: int
    email: str
    balance: Decimal
    ctime: Time
    frozen: bool = False
    """Whether it takes no part in new transactions."""
    held: Decimal = Decimal("0.00")
    """What open holds reserve of the balance."""
    available: Decimal | None = None
    """What it may pay or hold: balance - held - minimum."""
    minimum: Decimal = Decimal("0.00")
    """Negative is a credit line."""
    maximum: Decimal = Decimal("999999.99")
    reference: str | None = None
    """Its caller's own name for it."""
    metadata: dict[str, Any] | None = None
    """What its caller wants kept."""


class Hold(Struct, frozen=True, kw_only=True):
    """Money of a wallet that is reserved, or was."""

    id: int
    account_id: int
    amount: Decimal
    captured: Decimal
    """How much of it was taken."""
    state: Literal["held", "captured", "released", "expired"]
    expires_at: Time
    ctime: Time


class Failure(Struct, frozen=True, kw_only=True):
    """Why a queued transfer failed."""

    code: str
    detail: str


class Transaction(Struct, frozen=True, kw_only=True):
    """A movement of money: done, pending or failed."""

    id: int
    source_account_id: int | None
    """None for a deposit."""
    target_account_id: int | None
    """None for a withdrawal."""
    amount: Decimal
    ctime: Time
    """When it entered its state."""
    state: Literal["succeeded", "pending", "failed"]
    failure: Failure | None = None
    """Only there if it failed."""
    actor: str | None = None
    """Who asked for it: the name of an API key."""
    kind: Literal["deposit", "withdrawal", "transfer", "reversal"] | None = None
    reverses: int | None = None
    """The transaction that this one reverses, if it does."""
    reversed_by: int | None = None
    """When it is read: the transaction that reversed it."""
    queued_at: Time | None = None
    """When it was queued, if it is pending, or was when it is read."""
    reference: str | None = None
    """Its caller's own name for it."""
    metadata: dict[str, Any] | None = None
    """What its caller wants kept."""


class StatementLine(Struct, frozen=True, kw_only=True):
    """An entry of an account."""

    entry: int
    """Its number within the account: 1, 2, 3 … without a gap."""
    transaction_id: int
    kind: str
    """deposit, withdrawal, transfer_in, transfer_out or reversal."""
    counterparty_account_id: int | None
    """None for a deposit or a withdrawal."""
    amount: Decimal
    """Negative if it left the account."""
    balance: Decimal
    """The balance after it."""
    ctime: Time


class Transfer(Struct, frozen=True):
    """A transfer to make: an item of a batch."""

    source_account_id: int
    target_account_id: int
    amount: Amount
    reference: str | None = None
    metadata: Mapping[str, Any] | None = None


class Violation(Struct, frozen=True, kw_only=True):
    """Something wrong with the ledger, which an audit found."""

    violation: str
    account_id: int | None
    transaction_id: int | None
    detail: str


class QueuedTransfer(Struct, frozen=True, kw_only=True):
    """A transfer that waits to be processed."""

    id: int
    source_account_id: int
    target_account_id: int
    amount: Decimal
    ctime: Time


class Queue(Struct, frozen=True, kw_only=True):
    """The queue, and the transfers that are processed next."""

    pending: int
    """How many transfers wait, shown or not."""
    oldest: Time | None
    items: list[QueuedTransfer]


class Wait(Struct, frozen=True, kw_only=True):
    """A session of the database that waits for an account."""

    account_id: int | None
    pid: int
    role: str
    seconds: float
    blocked_by: list[int]


class Version(Struct, frozen=True, kw_only=True):
    """The versions of the service and of the database's schema."""

    version: str
    schema: str
