"""The rows that the wallet functions return."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

State: TypeAlias = Literal["succeeded", "pending", "failed"]
HoldState: TypeAlias = Literal["held", "captured", "released", "expired"]
Kind: TypeAlias = Literal["deposit", "withdrawal", "transfer_in", "transfer_out", "reversal"]


class _Result(Struct, kw_only=True, gc=False):
    """What a row of any operation can have: whether it is replayed, and why it failed."""

    replayed: bool = False
    """Whether this is the answer to an earlier call with the same idempotency key."""
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None


class _Annotated(_Result, kw_only=True, gc=False):
    """What callers said of it; metadata is JSON, as text."""

    reference: str | None = None
    metadata: str | None = None


class AccountRow(_Annotated, kw_only=True, gc=False):
    """A wallet.account, and its annotation."""

    id: int
    email: str
    balance: Decimal
    ctime: datetime
    frozen: bool
    held: Decimal
    available: Decimal
    minimum: Decimal
    maximum: Decimal


class TransactionRow(_Annotated, kw_only=True, gc=False):
    """A wallet.transfer_result, or a wallet.transaction, which has always succeeded."""

    id: int
    source_account_id: int | None
    target_account_id: int | None
    amount: Decimal
    ctime: datetime
    actor: str
    state: State = "succeeded"
    reverses: int | None = None
    reversed_by: int | None = None
    queued_at: datetime | None = None


class HoldRow(_Result, kw_only=True, gc=False):
    """A wallet.hold."""

    id: int
    account_id: int
    amount: Decimal
    captured: Decimal
    state: HoldState
    expires_at: datetime
    ctime: datetime


class StatementRow(Struct, kw_only=True, gc=False):
    """A wallet.statement_line."""

    entry: int
    transaction_id: int
    kind: Kind
    counterparty_account_id: int | None
    amount: Decimal
    balance: Decimal
    ctime: datetime


class ViolationRow(Struct, kw_only=True, gc=False):
    """A wallet.violation, and how many there are in all."""

    violation: str
    account_id: int | None
    transaction_id: int | None
    detail: str
    total: int


class QueueRow(Struct, kw_only=True, gc=False):
    """A row of wallet.get_queue(): how many transfers are pending, and one of them, if any."""

    pending: int
    oldest: datetime | None
    id: int | None
    source_account_id: int
    target_account_id: int
    amount: Decimal
    ctime: datetime


class WaitRow(Struct, kw_only=True, gc=False):
    """A row of wallet.get_account_waits()."""

    account_id: int | None
    pid: int
    role: str
    waiting: timedelta
    blocked_by: list[str]
    """Process ids. Of arrays, asyncpg knows text[] without asking the server about it."""


class RefusalRow(Struct, kw_only=True, gc=False):
    """The part of a failed wallet.transfer_result that says why."""

    sqlstate: str
    detail: str
    hint: str


class BatchRows(Struct, kw_only=True):
    """The results of a batch, in the order of its transfers."""

    results: list[TransactionRow | RefusalRow]
    replayed: bool
