"""What bodies and answers look like: strict JSON in, exact money and UTC times out.

A body is read with the standard library's parser, because it alone keeps a number's text and shows
duplicate members: money never passes through a binary float.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import asyncpg
from msgspec import UNSET, Struct, UnsetType
from sanic import Request
from sanic.http import Http

from service.errors import REFUSALS, Problem

BODY_LIMIT = 8192
"""The largest body in bytes, but for a batch's."""

BATCH_BODY_LIMIT = 4 * 1024 * 1024
"""The largest body of a batch in bytes."""

MAX_BATCH = 10_000
"""The most transfers that a batch has, for the API's description. PostgreSQL counts them."""

MAX_ID = 2**63 - 1

MAX_PAGE_SIZE = 1000
"""The most lines of a statement that one answer has."""

PAGE_SIZE = 50
"""How many lines an answer has when nobody asks for more or fewer."""

AMOUNT_PATTERN = r"-?[0-9]{1,20}(\.[0-9]{1,20})?"
"""An amount that arrives as a string."""

INVALID_AMOUNT_HINT = "Give an amount that is 0.01 to 999999.99 once rounded to hundredths."
INVALID_EMAIL_HINT = "Give an address of the form local@domain, without spaces."

_is_amount = re.compile(AMOUNT_PATTERN).fullmatch
_is_key = re.compile(r"[ -~]{1,255}").fullmatch
_is_id = re.compile(r"[1-9][0-9]{0,18}").fullmatch


class Account(Struct):
    """An account as HTTP shows it."""

    id: int
    email: str
    balance: str
    ctime: str

    @classmethod
    def of(cls, row: asyncpg.Record) -> Account:
        return cls(row["id"], row["email"], str(row["balance"]), _utc(row["ctime"]))


class Failure(Struct):
    """Why a transaction that was queued came to nothing: a refusal's code, and its data."""

    code: str
    detail: str


class Transaction(Struct):
    """A transaction as HTTP shows it. No source means a deposit from outside."""

    id: int
    source_account_id: int | None
    target_account_id: int | None
    amount: str
    ctime: str
    state: str
    failure: Failure | UnsetType = UNSET

    @classmethod
    def of(cls, row: asyncpg.Record) -> Transaction:
        """Of a wallet.outcome, or of a wallet.transaction, which has no state: it succeeded."""
        state = row.get("state", "succeeded")
        return cls(
            row["id"],
            row["source_account_id"],
            row["target_account_id"],
            str(row["amount"]),
            _utc(row["ctime"]),
            state,
            Failure(REFUSALS[row["sqlstate"]][0], row["detail"]) if state == "failed" else UNSET,
        )


class StatementLine(Struct):
    """An entry of an account: what it moved, with its sign, and the balance after it."""

    entry: int
    transaction_id: int
    kind: str
    counterparty_account_id: int | None
    amount: str
    balance: str
    ctime: str

    @classmethod
    def of(cls, row: asyncpg.Record) -> StatementLine:
        return cls(
            row["entry"],
            row["transaction_id"],
            row["kind"],
            row["counterparty_account_id"],
            str(row["amount"]),
            str(row["balance"]),
            _utc(row["ctime"]),
        )


def _utc(time: datetime) -> str:
    """ISO 8601 with microseconds and Z; asyncpg hands times over in UTC."""
    return time.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class _Number(str):
    """A JSON number, as it was written."""


class _Wrong(Exception):
    """A member that has the wrong type. The message says what it must be."""

    def errors(self, field: str) -> list[dict[str, str]]:
        """The member, or what is wrong within it, by name."""
        return [{"field": field, "detail": str(self)}]


class _WrongWithin(_Wrong):
    """A member that has wrong members; their names follow on its own."""

    def __init__(self, errors: list[dict[str, str]]) -> None:
        self._errors = errors

    def errors(self, field: str) -> list[dict[str, str]]:
        return [{**error, "field": field + error["field"]} for error in self._errors]


Reader = Callable[[object], Any]


async def receive_body(request: Request, limit: int) -> None:
    """Receive the body in a handler that streams. Over the limit, that is 413, as elsewhere."""
    if isinstance(request.stream, Http):
        request.stream.request_max_size = limit
    await request.receive_body()  # type: ignore[no-untyped-call]


def read_body(request: Request, **members: Reader) -> list[Any]:
    """The body's members, each read by its reader, in the order in which they are named here.

    Raises Problem: unsupported_media_type, invalid_request (with every member that is wrong), or
    what a reader raises.
    """
    values, errors = _read_members(_parse(request), members)
    if errors:
        raise _invalid_request("The body's members are not those of this request.", errors)
    for value in values:
        if isinstance(value, Problem):
            raise value
    return values


def _read_members(
    body: dict[str, object], members: Mapping[str, Reader]
) -> tuple[list[Any], list[dict[str, str]]]:
    """Each member's value, or the Problem that its reader raised; and all that is wrong."""
    errors = [
        {"field": name, "detail": "is no member of this request"}
        for name in body
        if name not in members
    ]
    values: list[Any] = []
    for name, read in members.items():
        if name not in body:
            errors.append({"field": name, "detail": "is missing"})
            continue
        try:
            values.append(read(body[name]))
        except _Wrong as wrong:
            errors += wrong.errors(name)
        except Problem as problem:
            values.append(problem)
    return values, errors


def read_query(request: Request, **parameters: tuple[Reader, object]) -> list[Any]:
    """The query's parameters, each read by its reader; `...` as the default means that it must be
    there. In the order in which they are named here.

    Raises Problem: invalid_request (with every parameter that is wrong), or what a reader raises.
    """
    pairs = parse_qsl(request.query_string, keep_blank_values=True, errors="surrogateescape")
    given = dict(pairs)
    errors = [
        {"field": name, "detail": "is no parameter of this request"}
        for name in given
        if name not in parameters
    ]
    errors += [
        {"field": name, "detail": "is there twice"}
        for name, times in Counter(name for name, _ in pairs).items()
        if times > 1
    ]
    values = []
    for name, (read, default) in parameters.items():
        if name not in given:
            values.append(default)
            if default is ...:
                errors.append({"field": name, "detail": "is missing"})
            continue
        try:
            values.append(read(given[name]))
        except _Wrong as wrong:
            errors.append({"field": name, "detail": str(wrong)})
    if errors:
        raise _invalid_request("The query's parameters are not those of this request.", errors)
    return values


def _parse(request: Request) -> dict[str, object]:
    media_type, *parameters = request.headers.getone("content-type", "").lower().split(";")
    charset = [p.strip() for p in parameters if p.strip().startswith("charset")]
    if (
        media_type.strip() != "application/json"
        or any(p not in ("charset=utf-8", 'charset="utf-8"') for p in charset)
        or request.headers.getone("content-encoding", "identity").lower() != "identity"
    ):
        raise Problem(
            "unsupported_media_type", "Send the body as JSON with Content-Type: application/json."
        )
    try:
        body = _decode(request.body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _invalid_request(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise _invalid_request(
            f"The body is not JSON: {error.msg} at character {error.pos}."
        ) from None
    except RecursionError:
        raise _invalid_request("The body is nested too deeply.") from None
    if not isinstance(body, dict):
        raise _invalid_request("The body must be a JSON object.")
    return body


def _members(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise _invalid_request(
                "The body has a member twice.", [{"field": name, "detail": "is there twice"}]
            )
        members[name] = value
    return members


# json.loads() would make a decoder anew for each body.
_decode = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_Number, parse_float=_Number, parse_constant=_Number
).decode


def _invalid_request(detail: str, errors: list[dict[str, str]] | None = None) -> Problem:
    errors = errors or [{"field": "", "detail": detail}]  # No member's name: the body as a whole.
    for error in errors:
        # A name need not be valid Unicode, and can be long; it must not break the answer.
        error["field"] = error["field"][:100].encode(errors="backslashreplace").decode()
    return Problem("invalid_request", detail, errors=errors)


def email(value: object) -> str:
    """An email address; PostgreSQL looks at all but what it cannot hold."""
    if not isinstance(value, str) or isinstance(value, _Number):
        raise _Wrong("must be a string")
    if "\0" in value:
        raise Problem(
            "invalid_email", "The email has a control character in it.", hint=INVALID_EMAIL_HINT
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Problem(
            "invalid_email", "The email has half a surrogate pair in it.", hint=INVALID_EMAIL_HINT
        )
    return value


def account_id(value: object) -> int:
    """An account's id, 1 to 2^63-1. JSON knows no integers: 1.0 and 10e-1 are the number 1."""
    if isinstance(value, _Number):
        with suppress(InvalidOperation):  # NaN, or an exponent beyond what even Decimal holds.
            exact = Decimal(value)
            if 1 <= exact <= MAX_ID and exact == int(exact):
                return int(exact)
    raise _Wrong(f"must be a whole number from 1 to {MAX_ID}")


def amount(value: object) -> Decimal:
    """An amount exactly as written; PostgreSQL rounds it and looks at its size.

    Only what no `numeric` of a sane size can hold is refused here.
    """
    if not isinstance(value, str):
        raise _Wrong("must be a string or a number")
    exact = Decimal("NaN")
    if isinstance(value, _Number) or _is_amount(value):
        with suppress(InvalidOperation):  # An exponent beyond what even Decimal holds.
            exact = Decimal(value)
    # 1e400 must not become 400 digits; zero has no size.
    if not exact.is_finite() or (exact and not -20 <= exact.adjusted() < 20):
        shown = value[:60].encode(errors="backslashreplace").decode()
        raise Problem("invalid_amount", f"The amount is {shown}.", hint=INVALID_AMOUNT_HINT)
    return exact or Decimal(0)


class Transfer(NamedTuple):
    """A transfer of a batch, as it was asked for."""

    source_account_id: int
    target_account_id: int
    amount: Decimal | Problem
    """What cannot be read as an amount is this item's refusal, and no other's."""


_TRANSFER: dict[str, Reader] = {
    "source_account_id": account_id,
    "target_account_id": account_id,
    "amount": amount,
}
_MOST_ERRORS = 100


def transfers(value: object) -> list[Transfer]:
    """The transfers of a batch, in their order."""
    if not isinstance(value, list):
        raise _Wrong("must be an array")
    items: list[Transfer] = []
    errors: list[dict[str, str]] = []
    for place, item in enumerate(value):
        if isinstance(item, dict):
            values, wrong = _read_members(item, _TRANSFER)
            if not wrong:
                items.append(Transfer(*values))
            errors += [{**error, "field": f"[{place}].{error['field']}"} for error in wrong]
        else:
            errors.append({"field": f"[{place}]", "detail": "must be an object"})
        if len(errors) >= _MOST_ERRORS:  # Else the answer could be larger than the body.
            break
    if errors:
        raise _WrongWithin(errors[:_MOST_ERRORS])
    return items


def boolean(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise _Wrong("must be true or false")
    return value


def whole_number(least: int, most: int) -> Reader:
    """A reader for a query's whole number."""

    def read(value: object) -> int:
        if isinstance(value, str) and _is_id(value) and least <= int(value) <= most:
            return int(value)
        raise _Wrong(f"must be a whole number from {least} to {most}")

    return read


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one. Raises Problem when it cannot be one."""
    # Spaces and tabs around a header's value are not part of it (RFC 9110, section 5.5).
    keys = [key.strip(" \t") for key in request.headers.getall("idempotency-key", [])]
    if not keys:
        return None
    if len(keys) > 1 or not _is_key(keys[0]):
        raise _invalid_request(
            "The request's Idempotency-Key cannot be used.",
            [{"field": "Idempotency-Key", "detail": "must be 1 to 255 printable ASCII characters"}],
        )
    key: str = keys[0]
    return key


def path_id(text: str, code: str) -> int:
    """The id in a path. Raises Problem `code`, since any other text names nothing."""
    if _is_id(text) and int(text) <= MAX_ID:
        return int(text)
    kind = code.removesuffix("_not_found")
    raise Problem(code, f"There is no {kind} with this id.", hint="Check the id.")
