"""The fields of requests: their types, their schemas, and how their values are read.

A request's shape is a Struct. Each of its fields is annotated with its Python type, a Meta for the
API's description, and a reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, get_type_hints

from msgspec import Meta, Struct, structs

from service.answers import Email, FieldError, Id, Reference
from service.errors import Problem
from service.limits import (
    MAX_AMOUNT,
    MAX_HOLD_SECONDS,
    MAX_ID,
    MAX_METADATA_BYTES,
    MAX_METADATA_DEPTH,
    MAX_NUMBER_LENGTH,
    MAX_REFERENCE,
)

Reader: TypeAlias = Callable[[object], Any]
Shape = TypeVar("Shape", bound=Struct)

_is_amount = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?").fullmatch
_is_whole_number = re.compile(r"[1-9][0-9]{0,18}").fullmatch

_AMOUNT_HINT = f"Give an amount that is 0.01 to {MAX_AMOUNT} once rounded to hundredths."
_EMAIL_HINT = "Give an address of the form local@domain, without spaces."


class Number(str):
    """A JSON number as it was written."""


class Wrong(Exception):
    """What is wrong with a value, or with the fields within it; their names start there."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(errors)
        self.errors = errors

    def within(self, name: str) -> list[FieldError]:
        """The errors with a prefix to their names: that of the value itself."""
        return [FieldError(name + error.field, error.detail) for error in self.errors]


def must_be(what: str) -> Wrong:
    """The error of a value that is something else."""
    return Wrong(FieldError("", f"must be {what}"))


def read_fields(given: Mapping[str, object], shape: type[Shape], kind: str) -> Shape:
    """Read all fields of an object or a query. `kind` is the word for them: member or parameter.

    Raises Wrong with everything that is wrong; if nothing is, the first Problem of a reader.
    """
    readers, required = _readers(shape)
    allowed = ", ".join(readers) or "none"
    errors = [
        FieldError(name, f"unknown {kind}; allowed: {allowed}")
        for name in given
        if name not in readers
    ]
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, (field, read) in readers.items():
        if name not in given:
            if name in required:
                errors.append(FieldError(name, f"missing {kind}"))
            continue
        try:
            values[field] = read(given[name])
        except Wrong as wrong:
            errors += wrong.within(name)
        except Problem as problem:
            problems.append(problem)
    if errors:
        raise Wrong(*errors)
    if problems:
        raise problems[0]
    return shape(**values)


@cache
def _readers(shape: type[Struct]) -> tuple[dict[str, tuple[str, Reader]], set[str]]:
    """By the name that is sent, each field's own name and reader; and those without a default."""
    hints = get_type_hints(shape, include_extras=True)
    fields = structs.fields(shape)
    readers = {
        field.encode_name: (
            field.name,
            next(extra for extra in hints[field.name].__metadata__ if callable(extra)),
        )
        for field in fields
    }
    return readers, {field.encode_name for field in fields if field.required}


def read_email(value: object) -> str:
    """An email address. PostgreSQL checks it; only what no `text` can hold is refused here."""
    if not isinstance(value, str) or isinstance(value, Number):
        raise must_be("a string")
    if "\0" in value:
        raise Problem("invalid_email", "The email contains a control character.", hint=_EMAIL_HINT)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Problem(
            "invalid_email", "The email contains half a surrogate pair.", hint=_EMAIL_HINT
        )
    return value


def read_account_id(value: object) -> int:
    """An id in JSON, which has no integers: 1.0 and 10e-1 are the number 1."""
    if isinstance(value, Number):
        if id := parse_whole_number(value):
            return id
        with suppress(InvalidOperation):  # NaN, or an exponent beyond Decimal's.
            exact = Decimal(value)
            if 1 <= exact <= MAX_ID and exact == int(exact):
                return int(exact)
    raise must_be(f"a whole number from 1 to {MAX_ID}")


class Amount(Decimal):
    """An amount exactly as written. PostgreSQL rounds it and checks its size."""


_NO_AMOUNT = Amount("NaN")


def read_amount(value: object) -> Amount:
    """An amount. PostgreSQL checks it; only what no sane `numeric` can hold is refused here."""
    if not isinstance(value, str):
        raise must_be("a string or a number")
    exact = _NO_AMOUNT
    if len(value) <= MAX_NUMBER_LENGTH if isinstance(value, Number) else _is_amount(value):
        with suppress(InvalidOperation):  # An exponent beyond Decimal's.
            exact = Amount(value)
    # 1e400 must not become 400 digits. Zero has no size.
    if not exact.is_finite() or (exact and not -20 <= exact.adjusted() < 20):
        shown = value[:60].encode(errors="backslashreplace").decode()
        raise Problem("invalid_amount", f"The amount is {shown}.", hint=_AMOUNT_HINT)
    return exact or Amount(0)


class Limit(Decimal):
    """A limit of an account, exactly as written. PostgreSQL rounds it and checks its size."""


def read_limit(value: object) -> Limit:
    """A limit, written as an amount is; it may be negative or zero."""
    if isinstance(value, Number) and len(value) <= MAX_NUMBER_LENGTH:
        with suppress(InvalidOperation):
            if Decimal(value).adjusted() < -20:  # It rounds to zero.
                return Limit(0)
    return Limit(read_amount(value))


def or_null(read: Reader) -> Reader:
    """A reader that takes null for a member that is not there."""
    return lambda value: None if value is None else read(value)


def read_seconds(value: object) -> int:
    """How long a hold lasts, in whole seconds."""
    seconds = read_account_id(value) if isinstance(value, Number) else 0
    if not 1 <= seconds <= MAX_HOLD_SECONDS:
        raise must_be(f"a whole number from 1 to {MAX_HOLD_SECONDS}")
    return seconds


class ItemAmount:
    """The amount of a batch's item: its value, or the problem, which is this item's alone."""

    __slots__ = ("problem", "value")

    def __init__(self, value: Amount | None, problem: Problem | None) -> None:
        self.value = value
        self.problem = problem


def read_item_amount(value: object) -> ItemAmount:
    """As read_amount(), but an amount that is refused does not refuse the whole batch."""
    try:
        return ItemAmount(read_amount(value), None)
    except Problem as problem:
        return ItemAmount(None, problem)


def read_boolean(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise must_be("true or false")
    return value


_is_reference = re.compile(
    rf"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{{1,{MAX_REFERENCE}}}"
).fullmatch


def read_reference(value: object) -> str:
    """The caller's own name for something."""
    if not isinstance(value, str) or isinstance(value, Number) or not _is_reference(value):
        raise must_be(f"a string of 1 to {MAX_REFERENCE} printable characters")
    return value


class Metadata(str):
    """A JSON object, as PostgreSQL writes it but for the order of its members."""


def read_metadata(value: object) -> Metadata:
    """An object to keep. Its size is that of the text that PostgreSQL makes of it."""
    if not isinstance(value, dict):
        raise must_be("an object")
    text = Metadata(_json(value, MAX_METADATA_DEPTH))
    if len(text.encode()) > MAX_METADATA_BYTES:
        raise must_be(f"an object of at most {MAX_METADATA_BYTES} bytes")
    return text


def _json(value: object, depth: int) -> str:
    if depth < 0:
        raise must_be(f"nested at most {MAX_METADATA_DEPTH} deep")
    if isinstance(value, dict):
        members = (f"{_json(name, 0)}: {_json(one, depth - 1)}" for name, one in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_json(one, depth - 1) for one in value)}]"
    if isinstance(value, Number):
        with suppress(InvalidOperation):  # An exponent beyond Decimal's.
            exact = Decimal(value)
            # Any double will do, but 1e4000 must not become 4000 digits.
            if exact.is_finite() and (not exact or -330 < exact.adjusted() < 330):
                return f"{exact:f}"
        raise must_be("an object whose numbers are of a sane size")
    if isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
        raise must_be("an object without NUL and half surrogate pairs")
    return json.dumps(value, ensure_ascii=False)


def read_time(value: object) -> datetime:
    """A time in a query, with its zone."""
    with suppress(ValueError):
        time = datetime.fromisoformat(str(value).upper())
        if time.tzinfo is not None:
            return time
    raise must_be("a time with its zone, such as 2026-11-22T15:41:58Z")


def whole_number(least: int, most: int) -> Reader:
    """A reader for a whole number in a query."""

    def read(value: object) -> int:
        number = parse_whole_number(value)
        if number is None or not least <= number <= most:
            raise must_be(f"a whole number from {least} to {most}")
        return number

    return read


def parse_whole_number(text: object) -> int | None:
    """The number from 1 to 2^63-1 in a path or a query; None for any other text."""
    if isinstance(text, str) and _is_whole_number(text) and int(text) <= MAX_ID:
        return int(text)
    return None


# PostgreSQL rounds the amount to 0.01 … 999999.99. So it is at least 0.005 and below 999999.995,
# with at most 20 digits on either side of the point.
_AMOUNT_IN_RANGE = (
    r"^(?!0+(\.00?|\.00[0-4][0-9]*)?$|0*999999\.99[5-9])0{0,14}[0-9]{1,6}(\.[0-9]{1,20})?$"
)
_LIMIT_IN_RANGE = r"^-?(?!0*999999\.99[5-9])0{0,14}[0-9]{1,6}(\.[0-9]{1,20})?$"

SCHEMAS: dict[type, dict[str, Any]] = {
    Amount: {
        "oneOf": [
            {"type": "string", "pattern": _AMOUNT_IN_RANGE},
            {"type": "number", "minimum": 0.005, "exclusiveMaximum": 999999.995},
        ]
    },
    Limit: {
        "oneOf": [
            {"type": "string", "pattern": _LIMIT_IN_RANGE},
            {"type": "number", "exclusiveMinimum": -999999.995, "exclusiveMaximum": 999999.995},
        ]
    },
    Metadata: {"type": "object"},
    # An item's amount that is out of range is refused as this item's result.
    ItemAmount: {"type": ["string", "number"]},
}
"""The JSON Schemas of the types of this module."""

EmailField: TypeAlias = Annotated[Email, read_email]
AccountIdField: TypeAlias = Annotated[Id, read_account_id]
BooleanField: TypeAlias = Annotated[bool, read_boolean]
AmountField: TypeAlias = Annotated[
    Amount,
    Meta(
        description="Read exactly as written, then rounded to hundredths, half away from zero; "
        f"0.01 to {MAX_AMOUNT} after that. A string has no exponent, a number at most "
        f"{MAX_NUMBER_LENGTH} characters.",
        examples=["12.30"],
    ),
    read_amount,
]
ReferenceField: TypeAlias = Annotated[
    Reference | None,
    Meta(description="Your own name for it, to find it by; not unique.", examples=["order-17"]),
    or_null(read_reference),
]
MetadataField: TypeAlias = Annotated[
    Metadata | None,
    Meta(
        description=f"An object that is kept for you, of at most {MAX_METADATA_BYTES} bytes as "
        "PostgreSQL writes it.",
        examples=[{"items": 3}],
    ),
    or_null(read_metadata),
]
ItemAmountField: TypeAlias = Annotated[
    ItemAmount,
    Meta(description="As in a single transfer.", examples=["12.30"]),
    read_item_amount,
]
LimitField: TypeAlias = Annotated[
    Limit | None,
    Meta(
        description="Read as an amount is; may be negative or zero. Without it, the limit stays.",
        examples=["-50.00"],
    ),
    or_null(read_limit),
]
