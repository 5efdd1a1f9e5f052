"""The client of the wallet ledger: `Wallet`, and `AsyncWallet` for asyncio.

with Wallet("http://127.0.0.1:8000") as wallet:
    ada = wallet.create_account("ada@example.com")
    wallet.deposit(ada.id, "12.30")
"""

from pgwallet.asynchronous import AsyncWallet as AsyncWallet
from pgwallet.errors import (
    AccountFrozen as AccountFrozen,
    AccountNotFound as AccountNotFound,
    AlreadyReversed as AlreadyReversed,
    BalanceLimitExceeded as BalanceLimitExceeded,
    BatchRefused as BatchRefused,
    BatchTooLarge as BatchTooLarge,
    BodyTooLarge as BodyTooLarge,
    Busy as Busy,
    Cancelled as Cancelled,
    DatabaseUnavailable as DatabaseUnavailable,
    FieldError as FieldError,
    Forbidden as Forbidden,
    ForbiddenOrigin as ForbiddenOrigin,
    HeadersTooLarge as HeadersTooLarge,
    HoldClosed as HoldClosed,
    HoldExceeded as HoldExceeded,
    HoldNotFound as HoldNotFound,
    IdempotencyKeyReused as IdempotencyKeyReused,
    InsufficientFunds as InsufficientFunds,
    InternalError as InternalError,
    InvalidAmount as InvalidAmount,
    InvalidEmail as InvalidEmail,
    InvalidRequest as InvalidRequest,
    LimitInUse as LimitInUse,
    MethodNotAllowed as MethodNotAllowed,
    NoAnswer as NoAnswer,
    NotFound as NotFound,
    NotPending as NotPending,
    NotReversible as NotReversible,
    Problem as Problem,
    ProcessingFailed as ProcessingFailed,
    RateLimited as RateLimited,
    RequestTimeout as RequestTimeout,
    SameAccount as SameAccount,
    ServiceUnavailable as ServiceUnavailable,
    StillPending as StillPending,
    TransactionNotFound as TransactionNotFound,
    Unauthorized as Unauthorized,
    UnexpectedAnswer as UnexpectedAnswer,
    UnknownHost as UnknownHost,
    UnsupportedMediaType as UnsupportedMediaType,
    WalletError as WalletError,
)
from pgwallet.objects import (
    Account as Account,
    Amount as Amount,
    Failure as Failure,
    Hold as Hold,
    Queue as Queue,
    QueuedTransfer as QueuedTransfer,
    StatementLine as StatementLine,
    Transaction as Transaction,
    Transfer as Transfer,
    Version as Version,
    Violation as Violation,
    Wait as Wait,
)
from pgwallet.synchronous import Wallet as Wallet
