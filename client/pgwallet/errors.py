"""What a call can raise: an exception for each code that the service has.

`NotFound` is the code `not_found`, and so on: a test holds the list to the service's table of
codes. docs/errors.md says what each code means.
"""

from __future__ import annotations

import re
from typing import ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """A member or a parameter that is wrong."""

    field: str
    detail: str


class WalletError(Exception):
    """What all exceptions of this package have in common."""

    idempotency_key: str | None = None
    """The key of the POST that raised it: call again with it, and it happens at most once."""


class NoAnswer(WalletError):
    """No answer came in time, after all attempts: whether it was done is unknown."""


class UnexpectedAnswer(WalletError):
    """The answer is not one of this service: something in between may have sent it."""


class StillPending(WalletError, TimeoutError):
    """`wait()` has waited long enough; the transfer is still in the queue."""


class Problem(WalletError):
    """An answer that is an error. An unknown code raises this class itself."""

    known: ClassVar[dict[str, type[Problem]]] = {}
    """The exceptions by their codes."""

    def __init__(
        self,
        code: str,
        detail: str,
        hint: str | None = None,
        *,
        status: int | None = None,
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(code, detail, hint)
        self.code = code
        self.detail = detail
        """What is wrong with this request."""
        self.hint = hint
        """What to do."""
        self.status = status
        """The HTTP status; None for a queued transfer that failed."""
        self.errors = errors
        """What is wrong with which member, if the code is invalid_request."""
        self.request_id = request_id
        """The request's id: the service's log has it."""

    def __init_subclass__(cls) -> None:
        cls.known[re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()] = cls

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" + (f" {self.hint}" if self.hint else "")


class InvalidEmail(Problem):
    """The email is not `local@domain`."""


class InvalidAmount(Problem):
    """The amount is not a plain number, or not in 0.01 … 999 999.99 once rounded."""


class SameAccount(Problem):
    """Source and target are one account."""


class AccountNotFound(Problem):
    """There is no such account."""


class TransactionNotFound(Problem):
    """There is no such transaction."""


class InsufficientFunds(Problem):
    """The source's balance, less what is held, would fall below its minimum."""


class BalanceLimitExceeded(Problem):
    """The target's balance would exceed its maximum."""


class AccountFrozen(Problem):
    """The account takes no part in new transactions."""


class AlreadyReversed(Problem):
    """The transaction has already been reversed."""


class NotReversible(Problem):
    """The transaction is itself a reversal."""


class IdempotencyKeyReused(Problem):
    """The key was used for another operation or with other arguments."""


class BatchTooLarge(Problem):
    """The batch has too many transfers."""


class BatchRefused(Problem):
    """Another item of an atomic batch was refused, so nothing was done."""


class Cancelled(Problem):
    """The transfer was cancelled while it was pending."""


class NotPending(Problem):
    """The transaction has already succeeded or failed."""


class ProcessingFailed(Problem):
    """Processing the queued transfer failed several times: it was set aside."""


class HoldNotFound(Problem):
    """There is no such hold."""


class HoldClosed(Problem):
    """The hold was captured or released, or it has expired."""


class HoldExceeded(Problem):
    """Less than the amount is left of the hold."""


class LimitInUse(Problem):
    """The account's balance is not within these limits."""


class InvalidRequest(Problem):
    """The request is malformed; `errors` names what is wrong."""


class ForbiddenOrigin(Problem):
    """A browser sent the request for a page of another site."""


class NotFound(Problem):
    """There is nothing at this address."""


class MethodNotAllowed(Problem):
    """The address does not support this method."""


class RequestTimeout(Problem):
    """The request did not arrive in time."""


class BodyTooLarge(Problem):
    """The body is too large."""


class UnsupportedMediaType(Problem):
    """The body is not JSON."""


class HeadersTooLarge(Problem):
    """The headers are too large."""


class InternalError(Problem):
    """An unexpected error; the service's log has it under `request_id`."""


class Busy(Problem):
    """It was locked or busy until the time for all attempts was over."""


class DatabaseUnavailable(Problem):
    """The database was away until the time for all attempts was over."""


class Unauthorized(Problem):
    """The API key is missing, unknown, expired or revoked."""


class Forbidden(Problem):
    """The API key lacks the scope that this needs."""


class RateLimited(Problem):
    """There were too many requests until the time for all attempts was over."""


class UnknownHost(Problem):
    """The service does not go by the name that the URL has for it."""


class ServiceUnavailable(Problem):
    """The edge did not reach the service until the time for all attempts was over."""
