"""What requests say outside their bodies: ids in paths, queries, and the Idempotency-Key."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Annotated, TypeAlias
from urllib.parse import parse_qsl

from msgspec import Meta, Struct
from sanic import Request

from service.answers import FieldError, Id, Reference
from service.errors import Problem, invalid_request
from service.fields import (
    Shape,
    Wrong,
    parse_whole_number,
    read_email,
    read_fields,
    read_reference,
    read_time,
    whole_number,
)
from service.limits import MAX_ID, MAX_PAGE_SIZE, PAGE_SIZE

_is_key = re.compile(r"[ -~]{1,255}").fullmatch


ReferenceParameter: TypeAlias = Annotated[
    Reference | None,
    Meta(description="Your own name for it, as it was given.", examples=["order-17"]),
    read_reference,
]


class AccountQuery(Struct):
    """Whose wallets to find."""

    email: Annotated[
        Annotated[str, Meta(pattern=r"^[^\u0000]*$")] | None,
        Meta(
            description="An address, whatever its case; it or a reference must be given.",
            examples=["ada@example.com"],
        ),
        read_email,
    ] = None
    reference: ReferenceParameter = None
    limit: Annotated[
        int,
        Meta(ge=1, le=MAX_PAGE_SIZE, description="The most items to list."),
        whole_number(1, MAX_PAGE_SIZE),
    ] = PAGE_SIZE
    after: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_ID)] | None,
        Meta(description="Only accounts with a higher id: `next` of the page before."),
        whole_number(1, MAX_ID),
    ] = None


class PageQuery(Struct):
    """Which entries or holds of an account to list."""

    limit: Annotated[
        int,
        Meta(ge=1, le=MAX_PAGE_SIZE, description="The most items to list."),
        whole_number(1, MAX_PAGE_SIZE),
    ] = PAGE_SIZE
    before: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_ID)] | None,
        Meta(description="Only what is older: `next` of the page before."),
        whole_number(1, MAX_ID),
    ] = None


class TransactionQuery(Struct, rename={"from_time": "from", "to_time": "to"}):
    """Which transactions to list."""

    reference: ReferenceParameter = None
    account_id: Annotated[
        Id | None,
        Meta(description="Only those that this account pays or is paid by.", examples=[1]),
        whole_number(1, MAX_ID),
    ] = None
    from_time: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="Only those since then; with a reference or an account_id."),
        read_time,
    ] = None
    to_time: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="Only those before then; with a reference or an account_id."),
        read_time,
    ] = None
    limit: Annotated[
        int,
        Meta(ge=1, le=MAX_PAGE_SIZE, description="The most items to list."),
        whole_number(1, MAX_PAGE_SIZE),
    ] = PAGE_SIZE
    before: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_ID)] | None,
        Meta(description="Only what is older: `next` of the page before."),
        whole_number(1, MAX_ID),
    ] = None


def read_query(request: Request, shape: type[Shape]) -> Shape:
    """Read the query.

    Raises Problem: invalid_request (with every parameter that is wrong), or what a reader raises.
    """
    pairs = parse_qsl(request.query_string, keep_blank_values=True, errors="surrogateescape")
    times = Counter(name for name, _ in pairs)
    errors = [FieldError(name, "duplicate parameter") for name in times if times[name] > 1]
    try:
        query = read_fields(dict(pairs), shape, "parameter")
    except Wrong as wrong:
        errors += wrong.errors
    if errors:
        raise invalid_request("The query's parameters are not those of this request.", errors)
    return query


def read_idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one. Raises Problem if it is malformed."""
    given = request.headers.getall("idempotency-key", None)
    if given is None:
        return None
    # Spaces and tabs around a header's value are not part of it (RFC 9110, section 5.5).
    keys = [key.strip(" \t") for key in given]
    if len(keys) > 1 or not _is_key(keys[0]):
        raise invalid_request(
            "The request's Idempotency-Key cannot be used.",
            [FieldError("Idempotency-Key", "must be 1 to 255 printable ASCII characters")],
        )
    key: str = keys[0]
    return key


def read_path_id(text: str, code: str) -> int:
    """The id in a path. Raises Problem `code` for any other text, since that names nothing."""
    id = parse_whole_number(text)
    if id is None:
        kind = code.removesuffix("_not_found")
        raise Problem(code, f"There is no {kind} with this id.", hint="Check the id.")
    return id
