"""The shapes of answers, for the encoder and for the API's description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from service.codes import BY_SQLSTATE, CODES
from service.limits import MAX_ERRORS, MAX_ID, MAX_REFERENCE, MAX_VIOLATIONS
from service.rows import (
    AccountRow,
    HoldRow,
    HoldState,
    Kind,
    QueueRow,
    State,
    StatementRow,
    TransactionRow,
    ViolationRow,
    WaitRow,
)

Id: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_ID, extra_json_schema={"format": "int64"})]
# White space, control and format characters, as in check_email.sql.
_NOT_IN_EMAIL = (
    r"\u0000-\u0020\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
)
Email: TypeAlias = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=254,
        pattern=f"^[^@{_NOT_IN_EMAIL}]+@[^@{_NOT_IN_EMAIL}]+$",
        examples=["ada@example.com"],
    ),
]
Money: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,6}\.[0-9]{2}$", examples=["12.30"])]
SignedMoney: TypeAlias = Annotated[
    str, Meta(pattern=r"^-?[0-9]{1,6}\.[0-9]{2}$", examples=["-12.30"])
]
# With a credit line, more may be held than an account may have.
HeldMoney: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,7}\.[0-9]{2}$", examples=["12.30"])]
Time: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        description="UTC, with microseconds.",
        examples=["2026-11-22T15:41:58.132163Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
Actor: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        description="Who asked for it: an API key's name, or a database role.",
        examples=["shop"],
    ),
]
Reference: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_REFERENCE,
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$",
        examples=["order-17"],
    ),
]
_NextBefore: TypeAlias = Annotated[
    Id | None,
    Meta(description="The `before` of the next page; null on the last page.", examples=[51]),
]
_Reference: TypeAlias = Annotated[
    Reference | UnsetType, Meta(description="Its caller's own name for it, if it has one.")
]
_Metadata: TypeAlias = Annotated[
    Raw | UnsetType,
    Meta(
        description="What its caller wants kept, if anything.",
        examples=[{"items": 3}],
        extra_json_schema={"type": "object"},
    ),
]
CodeName: TypeAlias = Annotated[str, Meta(extra_json_schema={"enum": list(CODES)})]


class Answer(Struct, forbid_unknown_fields=True):
    """What all shapes of answers have in common: no member but those that they name."""


class FieldError(Answer):
    """A member or a parameter that is wrong."""

    field: str
    detail: str


class Problem(Answer):
    """An error (RFC 9457)."""

    type: Annotated[str, Meta(description="Where the code is explained.")]
    title: str
    status: int
    detail: Annotated[str, Meta(description="What is wrong with this request.")]
    instance: Annotated[str, Meta(description="The request's id.")]
    code: CodeName
    hint: Annotated[str | UnsetType, Meta(description="What to do.")] = UNSET
    errors: Annotated[
        list[FieldError] | UnsetType,
        Meta(description=f"The members or parameters that are wrong, at most {MAX_ERRORS}."),
    ] = UNSET


class Account(Answer):
    """A wallet."""

    id: Id
    email: Email
    balance: Annotated[SignedMoney, Meta(examples=["12.30"])]
    ctime: Time
    frozen: Annotated[
        bool, Meta(description="Whether it takes no part in new transactions.", examples=[False])
    ]
    held: Annotated[HeldMoney, Meta(description="What open holds reserve of the balance.")]
    available: Annotated[
        HeldMoney, Meta(description="What it may pay or hold: balance - held - minimum.")
    ]
    minimum: Annotated[
        SignedMoney, Meta(description="Negative is a credit line.", examples=["0.00"])
    ]
    maximum: Annotated[SignedMoney, Meta(examples=["999999.99"])]
    reference: _Reference = UNSET
    metadata: _Metadata = UNSET

    @classmethod
    def of(cls, row: AccountRow) -> Account:
        return cls(
            row.id,
            row.email,
            str(row.balance),
            _utc(row.ctime),
            row.frozen,
            str(row.held),
            str(row.available),
            str(row.minimum),
            str(row.maximum),
            row.reference or UNSET,
            Raw(row.metadata.encode()) if row.metadata else UNSET,
        )


class Accounts(Answer):
    """A page of the wallets of an address, the oldest first."""

    items: list[Account]
    next: Annotated[
        Id | None,
        Meta(description="The `after` of the next page; null on the last page.", examples=[51]),
    ]


class Failure(Answer):
    """Why a transaction failed."""

    code: CodeName
    detail: str


class Transaction(Answer):
    """A movement of money: done, pending or failed."""

    id: Id
    source_account_id: Annotated[Id | None, Meta(description="Null for a deposit.")]
    target_account_id: Annotated[Id | None, Meta(description="Null for a withdrawal.")]
    amount: Money
    ctime: Annotated[Time, Meta(description="When it entered its state; UTC.")]
    state: Annotated[
        State,
        Meta(
            description="A pending transaction is queued. It will succeed or fail.",
            examples=["succeeded"],
        ),
    ]
    actor: Actor
    kind: Annotated[
        Literal["deposit", "withdrawal", "transfer", "reversal"], Meta(examples=["transfer"])
    ]
    reverses: Annotated[
        Id | UnsetType, Meta(description="The transaction that this one reverses, if it does.")
    ] = UNSET
    reversed_by: Annotated[
        Id | UnsetType, Meta(description="When it is read: the transaction that reversed it.")
    ] = UNSET
    queued_at: Annotated[
        Time | UnsetType,
        Meta(description="When it was queued, if it is pending, or was when it is read; UTC."),
    ] = UNSET
    failure: Annotated[Failure | UnsetType, Meta(description="Only there if it failed.")] = UNSET
    reference: _Reference = UNSET
    metadata: _Metadata = UNSET

    @classmethod
    def of(cls, row: TransactionRow, reverses: int | None = None) -> Transaction:
        """`reverses` is for a reversal that was just made: its row does not say it."""
        reverses = reverses or row.reverses
        queued_at = row.ctime if row.state == "pending" else row.queued_at
        failure: Failure | UnsetType = UNSET
        if row.sqlstate:
            failure = Failure(BY_SQLSTATE[row.sqlstate].code, row.detail or "")
        return cls(
            row.id,
            row.source_account_id,
            row.target_account_id,
            str(row.amount),
            _utc(row.ctime),
            row.state,
            row.actor,
            "reversal" if reverses else _kind(row),
            reverses or UNSET,
            row.reversed_by or UNSET,
            _utc(queued_at) if queued_at else UNSET,
            failure,
            row.reference or UNSET,
            Raw(row.metadata.encode()) if row.metadata else UNSET,
        )


class Transactions(Answer):
    """A page of transactions, the newest first."""

    items: list[Transaction]
    next: _NextBefore


class Hold(Answer):
    """Money of a wallet that is reserved, or was."""

    id: Id
    account_id: Id
    amount: Money
    captured: Annotated[Money, Meta(description="How much of it was taken.")]
    state: Annotated[
        HoldState,
        Meta(
            description="A hold that is due can be neither captured nor released; it is expired, "
            "and its money free, a moment later.",
            examples=["held"],
        ),
    ]
    expires_at: Time
    ctime: Time

    @classmethod
    def of(cls, row: HoldRow) -> Hold:
        return cls(
            row.id,
            row.account_id,
            str(row.amount),
            str(row.captured),
            row.state,
            _utc(row.expires_at),
            _utc(row.ctime),
        )


class Holds(Answer):
    """A page of a wallet's holds, the newest first."""

    items: list[Hold]
    next: _NextBefore


# msgspec describes no union of two structs, so the references are written out.
_Result: TypeAlias = Annotated[
    Any,
    Meta(
        extra_json_schema={
            "anyOf": [
                {"$ref": "#/components/schemas/Transaction"},
                {"$ref": "#/components/schemas/Problem"},
            ]
        }
    ),
]


class Results(Answer):
    """The result of each transfer of a batch, in their order."""

    results: list[_Result]


class StatementLine(Answer):
    """An entry of an account."""

    entry: Annotated[
        int, Meta(ge=1, description="Its number within the account: 1, 2, 3 … without a gap.")
    ]
    transaction_id: Id
    kind: Annotated[
        Kind,
        Meta(examples=["transfer_out"]),
    ]
    counterparty_account_id: Annotated[
        Id | None, Meta(description="Null for a deposit or a withdrawal.")
    ]
    amount: SignedMoney
    balance: Annotated[SignedMoney, Meta(description="The balance after it.")]
    ctime: Time

    @classmethod
    def of(cls, row: StatementRow) -> StatementLine:
        return cls(
            row.entry,
            row.transaction_id,
            row.kind,
            row.counterparty_account_id,
            str(row.amount),
            str(row.balance),
            _utc(row.ctime),
        )


class Statement(Answer):
    """A page of an account's entries, the newest first."""

    items: list[StatementLine]
    next: Annotated[
        Annotated[int, Meta(ge=2)] | None,
        Meta(
            description="The `before` of the next page; null on the last page.",
            examples=[51],
        ),
    ]


class Violation(Answer):
    """Something in the ledger that does not add up."""

    violation: Annotated[str, Meta(description="Its kind.")]
    account_id: Annotated[Id | None, Meta(description="The account that it is in, if any.")]
    transaction_id: Annotated[Id | None, Meta(description="The transaction that it is in, if any.")]
    detail: str

    @classmethod
    def of(cls, row: ViolationRow) -> Violation:
        return cls(row.violation, row.account_id, row.transaction_id, row.detail)


class Violations(Answer):
    """What an audit of the whole ledger finds: nothing, if it is sound."""

    violations: Annotated[list[Violation], Meta(max_length=MAX_VIOLATIONS)]
    total: Annotated[int, Meta(ge=0, description="How many there are, shown or not.")]


class QueuedTransfer(Answer):
    """A transfer that waits to be processed."""

    id: Id
    source_account_id: Id
    target_account_id: Id
    amount: Money
    ctime: Annotated[Time, Meta(description="When it was queued; UTC.")]


class Queue(Answer):
    """The queue, and the transfers that are processed next."""

    pending: Annotated[int, Meta(ge=0, description="How many transfers wait, shown or not.")]
    oldest: Annotated[Time | None, Meta(description="Since when the oldest one waits.")]
    items: list[QueuedTransfer]

    @classmethod
    def of(cls, rows: list[QueueRow]) -> Queue:
        oldest = rows[0].oldest
        return cls(
            rows[0].pending,
            _utc(oldest) if oldest else None,
            [
                QueuedTransfer(
                    row.id,
                    row.source_account_id,
                    row.target_account_id,
                    str(row.amount),
                    _utc(row.ctime),
                )
                for row in rows
                if row.id
            ],
        )


class Wait(Answer):
    """A session of the database that waits for an account."""

    account_id: Annotated[Id | None, Meta(description="Null if it has just changed.")]
    pid: Annotated[int, Meta(description="The session's process id.", examples=[4711])]
    role: Annotated[str, Meta(examples=["wallet_app"])]
    seconds: Annotated[float, Meta(ge=0, description="How long it has been waiting.")]
    blocked_by: Annotated[list[int], Meta(description="The process ids that it waits for.")]

    @classmethod
    def of(cls, row: WaitRow) -> Wait:
        seconds = max(0.0, round(row.waiting.total_seconds(), 3))
        return cls(row.account_id, row.pid, row.role, seconds, [int(pid) for pid in row.blocked_by])


class Waits(Answer):
    """The sessions that wait for an account, the longest wait first, at most 100."""

    items: list[Wait]


class Version(Answer):
    """What is running."""

    version: Annotated[str, Meta(description="That of the service.", examples=["0.5.0"])]
    schema: Annotated[str, Meta(description="That of the database's schema.", examples=["0.5.0"])]


class Live(Answer):
    """The process lives."""

    status: Annotated[Literal["live"], Meta(examples=["live"])]


class Ready(Answer):
    """The service can serve requests."""

    status: Annotated[Literal["ready"], Meta(examples=["ready"])]


def _kind(row: TransactionRow) -> Literal["deposit", "withdrawal", "transfer"]:
    if row.source_account_id is None:
        return "deposit"
    return "withdrawal" if row.target_account_id is None else "transfer"


def _utc(time: datetime) -> str:
    """ISO 8601 with microseconds and Z; asyncpg returns times in UTC."""
    return time.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
