"""What `Wallet` and `AsyncWallet` share, without input or output.

A call is a generator: it yields what to do, a request to send or the seconds to pause, and is sent
what came of it. It returns what the call returns, and raises what the call raises. So the requests,
the reading of answers and every decision to try again are here once.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Generator, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec
from msgspec import Struct

from pgwallet.errors import (
    FieldError,
    NoAnswer,
    NotPending,
    Problem,
    StillPending,
    UnexpectedAnswer,
    WalletError,
)
from pgwallet.objects import (
    Account,
    Amount,
    Hold,
    Queue,
    StatementLine,
    Transaction,
    Transfer,
    Version,
    Violation,
    Wait,
)

T = TypeVar("T")
Said: TypeAlias = dict[str, Any]
Step: TypeAlias = httpx.Request | float
Reply: TypeAlias = httpx.Response | httpx.RequestError | None
Call: TypeAlias = Generator[Step, Reply, T]

# What may be over soon. 502 and 504 come from a proxy in front of the service.
_TRANSIENT = {408, 429, 502, 503, 504}
# The mean of a pause doubles from the first to the last of these. The service is asked to wait no
# longer than _MAX_WAIT, and takes no longer than _MAX_AUDIT for an audit.
_FIRST_PAUSE, _MAX_PAUSE, _MAX_WAIT, _MAX_AUDIT = 0.05, 2.0, 25.0, 30.0
# So long after it has changed something, a client reads nothing that may be older.
_FRESH_SECONDS = 60.0


class Accounts(Struct, frozen=True):
    """A page of accounts."""

    items: list[Account]
    next: int | None


class Statement(Struct, frozen=True):
    """A page of a statement."""

    items: list[StatementLine]
    next: int | None


class Transactions(Struct, frozen=True):
    """A page of transactions."""

    items: list[Transaction]
    next: int | None


class Holds(Struct, frozen=True):
    """A page of holds."""

    items: list[Hold]
    next: int | None


class _Status(Struct):
    status: str


class _Waits(Struct):
    items: list[Wait]


class _Violations(Struct):
    violations: list[Violation]


class _Results(Struct):
    results: list[msgspec.Raw]


class _Problem(Struct):
    code: str
    detail: str
    hint: str | None = None
    errors: tuple[FieldError, ...] = ()
    status: int | None = None
    instance: str | None = None

    def exception(self) -> Problem:
        return Problem.known.get(self.code, Problem)(
            self.code,
            self.detail,
            self.hint,
            status=self.status,
            errors=self.errors,
            request_id=self.instance,
        )


def money(amount: Amount) -> str:
    """An amount as JSON has it. Raises TypeError for a float."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise TypeError(
            f"an amount is a Decimal, an int or a str, not a {type(amount).__name__}: {amount!r}"
        )
    return f"{amount:f}" if isinstance(amount, Decimal) else str(amount)


def said(reference: str | None, metadata: Mapping[str, Any] | None) -> Said:
    """What is said of something, as members."""
    return _given(reference=reference, metadata=metadata)


class Core:
    """The calls, one for each route."""

    def __init__(
        self,
        http: httpx.Client | httpx.AsyncClient,
        url: str,
        api_key: str | None,
        timeout: float,
        retry_for: float,
    ) -> None:
        self._http = http
        self.url: str = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = timeout
        self._retry_for = retry_for
        self._fresh_until = -inf

    def create_account(self, email: str, key: str | None, said: Said) -> Call[Account]:
        return self._post("/account", Account, {"email": email, **said}, key)

    def find_accounts(
        self, email: str | None, reference: str | None, size: int | None, after: int | None
    ) -> Call[Accounts]:
        query = {"email": email, "reference": reference, "limit": size, "after": after}
        return self._call("GET", "/account", Accounts, query=query)

    def get_account(self, id: int) -> Call[Account]:
        return self._call("GET", f"/account/{id:d}", Account)

    def freeze_account(self, id: int) -> Call[Account]:
        return self._call("POST", f"/account/{id:d}/freeze", Account, body={})

    def unfreeze_account(self, id: int) -> Call[Account]:
        return self._call("POST", f"/account/{id:d}/unfreeze", Account, body={})

    def set_email(self, account_id: int, email: str) -> Call[Account]:
        return self._call("PUT", f"/account/{account_id:d}/email", Account, body={"email": email})

    def annotate_account(self, account_id: int, said: Said) -> Call[Account]:
        return self._call("PUT", f"/account/{account_id:d}/annotation", Account, body=said)

    def deposit(
        self, account_id: int, amount: Amount, key: str | None, said: Said
    ) -> Call[Transaction]:
        body = {"amount": money(amount), **said}
        return self._post(f"/account/{account_id:d}/payment", Transaction, body, key)

    def withdraw(
        self, account_id: int, amount: Amount, key: str | None, said: Said
    ) -> Call[Transaction]:
        body = {"amount": money(amount), **said}
        return self._post(f"/account/{account_id:d}/withdrawal", Transaction, body, key)

    def get_statement(
        self, account_id: int, size: int | None, before: int | None
    ) -> Call[Statement]:
        query = {"limit": size, "before": before}
        return self._call("GET", f"/account/{account_id:d}/transaction", Statement, query=query)

    def hold(
        self, account_id: int, amount: Amount, expires_in: int | None, key: str | None
    ) -> Call[Hold]:
        body = _given(amount=money(amount), expires_in=expires_in)
        return self._post(f"/account/{account_id:d}/hold", Hold, body, key)

    def get_holds(self, account_id: int, size: int | None, before: int | None) -> Call[Holds]:
        query = {"limit": size, "before": before}
        return self._call("GET", f"/account/{account_id:d}/hold", Holds, query=query)

    def get_hold(self, id: int) -> Call[Hold]:
        return self._call("GET", f"/hold/{id:d}", Hold)

    def capture(
        self,
        hold_id: int,
        amount: Amount | None,
        target_account_id: int | None,
        final: bool,
        key: str | None,
        said: Said,
    ) -> Call[Transaction]:
        taken = None if amount is None else money(amount)
        body = _given(amount=taken, target_account_id=target_account_id, final=final, **said)
        return self._post(f"/hold/{hold_id:d}/capture", Transaction, body, key)

    def release(self, hold_id: int, key: str | None) -> Call[Hold]:
        return self._post(f"/hold/{hold_id:d}/release", Hold, {}, key)

    def set_limits(
        self, account_id: int, minimum: Amount | None, maximum: Amount | None
    ) -> Call[Account]:
        limits = {"minimum": minimum, "maximum": maximum}
        body = {name: money(limit) for name, limit in limits.items() if limit is not None}
        return self._call("PUT", f"/account/{account_id:d}/limits", Account, body=body)

    def transfer(
        self, transfer: Transfer, queue_after: float | None, key: str | None
    ) -> Call[Transaction]:
        prefer, wait = {}, queue_after or 0.0
        if queue_after is not None:
            prefer = {"Prefer": "respond-async" + (f", wait={wait:.3f}" if wait else "")}
        return self._post("/transaction", Transaction, _members(transfer), key, prefer, wait)

    def transfer_batch(
        self, transfers: Iterable[Transfer], atomic: bool, key: str | None
    ) -> Call[list[Transaction | Problem]]:
        body = {"transfers": [_members(transfer) for transfer in transfers], "atomic": atomic}
        answer = yield from self._post("/transaction/batch", _Results, body, key)
        return [_result(result) for result in answer.results]

    def get_transaction(self, id: int) -> Call[Transaction]:
        return self._call("GET", f"/transaction/{id:d}", Transaction)

    def wait(self, id: int, seconds: float) -> Call[Transaction]:
        deadline = time.monotonic() + seconds
        while True:
            left = min(max(deadline - time.monotonic(), 0.0), _MAX_WAIT)
            prefer, path = {"Prefer": f"wait={left:.3f}"}, f"/transaction/{id:d}"
            found = yield from self._call("GET", path, Transaction, headers=prefer, wait=left)
            if found.failure:
                raise _Problem(found.failure.code, found.failure.detail).exception()
            if found.state == "succeeded":
                return found
            if not left:
                raise StillPending(f"transaction {id} is still pending after {seconds:g} s")

    def find_transactions(
        self,
        reference: str | None,
        account_id: int | None,
        from_time: datetime | None,
        to_time: datetime | None,
        size: int | None,
        before: int | None,
    ) -> Call[Transactions]:
        query = {
            "reference": reference,
            "account_id": account_id,
            "from": from_time and from_time.isoformat(),
            "to": to_time and to_time.isoformat(),
            "limit": size,
            "before": before,
        }
        return self._call("GET", "/transaction", Transactions, query=query)

    def reverse(self, transaction_id: int, key: str | None, said: Said) -> Call[Transaction]:
        return self._post(f"/transaction/{transaction_id:d}/reversal", Transaction, said, key)

    def cancel(self, id: int) -> Call[Transaction]:
        try:
            path = f"/transaction/{id:d}/cancel"
            return (yield from self._call("POST", path, Transaction, body={}))
        except NotPending:
            # It has no key: an attempt whose answer was lost may have cancelled it.
            found = yield from self.get_transaction(id)
            if found.failure and found.failure.code == "cancelled":
                return found
            raise

    def audit(self) -> Call[list[Violation]]:
        return (yield from self._call("GET", "/audit", _Violations, wait=_MAX_AUDIT)).violations

    def get_queue(self) -> Call[Queue]:
        return self._call("GET", "/queue", Queue)

    def get_account_waits(self) -> Call[list[Wait]]:
        return (yield from self._call("GET", "/wait", _Waits)).items

    def version(self) -> Call[Version]:
        return self._call("GET", "/version", Version)

    def live(self) -> Call[None]:
        yield from self._call("GET", "/health/live", _Status)

    def ready(self) -> Call[None]:
        yield from self._call("GET", "/health/ready", _Status)

    def _post(
        self,
        path: str,
        answer: type[T],
        body: dict[str, Any],
        key: str | None,
        headers: dict[str, str] | None = None,
        wait: float = 0.0,
    ) -> Call[T]:
        headers = {**(headers or {}), "Idempotency-Key": key or uuid.uuid4().hex}
        return self._call("POST", path, answer, body=body, headers=headers, wait=wait)

    def _call(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        wait: float = 0.0,
    ) -> Call[T]:
        """Send until the answer is one that stays, or no time is left for another attempt.

        `wait` is how long the service has been asked to wait: it needs so much longer to answer.
        Every call may be sent again: a POST has a key, or has no further effect the second time.
        """
        headers = {**self._headers, **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        if method == "GET" and time.monotonic() < self._fresh_until:
            # It comes from no standby, which may lag.
            headers.setdefault("Prefer", "fresh")
        query = {name: value for name, value in (query or {}).items() if value is not None}
        deadline = time.monotonic() + self._retry_for + wait
        pause = _FIRST_PAUSE
        while True:
            request = self._http.build_request(
                method,
                self.url + path,
                params=query or None,
                content=content,
                headers=headers,
                timeout=self._timeout + wait,
            )
            reply = yield request
            if method != "GET":
                self._fresh_until = time.monotonic() + _FRESH_SECONDS
            # Random, so that those who were sent away together do not come back together.
            seconds = _retry_after(reply) + random.uniform(0, 2 * pause)  # noqa: S311
            if not _is_transient(reply) or time.monotonic() + seconds > deadline:
                break
            yield seconds
            pause = min(2 * pause, _MAX_PAUSE)
        try:
            return _read(request, reply, answer)
        except WalletError as error:
            error.idempotency_key = headers.get("Idempotency-Key")
            raise


def _is_transient(reply: Reply) -> bool:
    if isinstance(reply, httpx.Response):
        return reply.status_code in _TRANSIENT
    # What cannot be sent stays so.
    return isinstance(reply, httpx.TransportError) and not isinstance(
        reply, httpx.UnsupportedProtocol | httpx.LocalProtocolError
    )


def _retry_after(reply: Reply) -> float:
    """The seconds of Retry-After, or none."""
    text = reply.headers.get("Retry-After", "") if isinstance(reply, httpx.Response) else ""
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _read(request: httpx.Request, reply: Reply, answer: type[T]) -> T:
    """What an answer says. Raises Problem, NoAnswer or UnexpectedAnswer."""
    asked = f"{request.method} {request.url}"
    if not isinstance(reply, httpx.Response):
        reason = str(reply) or type(reply).__name__
        raise NoAnswer(f"{asked}: {reason}") from reply
    try:
        if reply.is_success:
            return msgspec.json.decode(reply.content, type=answer)
        problem = msgspec.json.decode(reply.content, type=_Problem)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"{asked}: status {reply.status_code}: {error}") from error
    raise problem.exception()


def _given(**members: object) -> dict[str, Any]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def _members(transfer: Transfer) -> dict[str, Any]:
    return {
        "source_account_id": transfer.source_account_id,
        "target_account_id": transfer.target_account_id,
        "amount": money(transfer.amount),
        **said(transfer.reference, transfer.metadata),
    }


def _result(result: msgspec.Raw) -> Transaction | Problem:
    """An item's result: only a problem has a code."""
    try:
        return msgspec.json.decode(result, type=_Problem).exception()
    except msgspec.ValidationError:
        return msgspec.json.decode(result, type=Transaction)
