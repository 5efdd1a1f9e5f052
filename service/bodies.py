"""The bodies of requests: their shapes, and reading them as strict JSON.

The standard library's parser reads them, since it alone keeps a number's text and shows duplicate
members: money never passes through a binary float.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

from msgspec import Meta, Struct
from sanic import Request
from sanic.http import Http

from service.answers import FieldError, Id
from service.errors import Problem, invalid_request
from service.fields import (
    AccountIdField,
    Amount,
    AmountField,
    BooleanField,
    EmailField,
    ItemAmountField,
    LimitField,
    MetadataField,
    Number,
    ReferenceField,
    Shape,
    Wrong,
    must_be,
    or_null,
    read_account_id,
    read_amount,
    read_boolean,
    read_fields,
    read_seconds,
)
from service.limits import HOLD_SECONDS, MAX_BATCH, MAX_ERRORS, MAX_HOLD_SECONDS


class Body(Struct, forbid_unknown_fields=True):
    """What all bodies have in common: no member but those that they name."""


class NoMembers(Body):
    """An object without members."""


class Annotation(Body, kw_only=True):
    """What the caller says of it."""

    reference: ReferenceField = None
    metadata: MetadataField = None


class NewAnnotation(Annotation):
    """A wallet's reference and metadata, in place of those that it has."""


class Reversal(Annotation):
    """What the caller says of a reversal."""


class CreateAccount(Annotation):
    """Whose wallet to open."""

    email: EmailField


class NewEmail(Body):
    """The email address that a wallet gets."""

    email: EmailField


class Payment(Annotation):
    """How much to pay in or out."""

    amount: AmountField


class NewHold(Body):
    """How much to reserve, and for how long."""

    amount: AmountField
    expires_in: Annotated[
        int,
        Meta(
            ge=1,
            le=MAX_HOLD_SECONDS,
            description="Seconds from now until it is due.",
            examples=[3600],
        ),
        read_seconds,
    ] = HOLD_SECONDS


class Capture(Annotation):
    """How much of a hold to take, and who gets it."""

    amount: Annotated[
        Amount | None,
        Meta(description="As in a transfer; without it, all that is left.", examples=["12.30"]),
        or_null(read_amount),
    ] = None
    target_account_id: Annotated[
        Id | None,
        Meta(description="Who is paid; without it, the money goes outside.", examples=[2]),
        or_null(read_account_id),
    ] = None
    final: Annotated[
        bool,
        Meta(description="Whether what is left then is free again.", examples=[False]),
        read_boolean,
    ] = False


class NewLimits(Body):
    """What a wallet's balance may not fall below, and not pass."""

    minimum: LimitField = None
    maximum: LimitField = None


class Transfer(Annotation):
    """How much to move from which account to which."""

    source_account_id: AccountIdField
    target_account_id: AccountIdField
    amount: AmountField


class BatchItem(Annotation):
    """A transfer of a batch."""

    source_account_id: AccountIdField
    target_account_id: AccountIdField
    amount: ItemAmountField


def _read_items(value: object) -> list[BatchItem]:
    if not isinstance(value, list):
        raise must_be("an array")
    items: list[BatchItem] = []
    errors: list[FieldError] = []
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            errors.append(FieldError(f"[{place}]", "must be an object"))
        else:
            try:
                items.append(read_fields(item, BatchItem, "member"))
            except Wrong as wrong:
                errors += wrong.within(f"[{place}].")
        if len(errors) >= MAX_ERRORS:  # No more are shown.
            break
    if errors:
        raise Wrong(*errors)
    return items


class TransferBatch(Body):
    """Transfers to make, one after another."""

    transfers: Annotated[list[BatchItem], Meta(max_length=MAX_BATCH), _read_items]
    atomic: Annotated[
        BooleanField,
        Meta(description="Whether none is made if any is refused.", examples=[False]),
    ]


async def receive_body(request: Request, limit: int) -> None:
    """Receive the body in a handler that streams. A body over the limit is 413 as elsewhere."""
    if isinstance(request.stream, Http):
        request.stream.request_max_size = limit
    await request.receive_body()  # type: ignore[no-untyped-call]


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Read the body.

    Raises Problem: unsupported_media_type, invalid_request (with every member that is wrong), or
    what a reader raises.
    """
    members = _parse(request)
    try:
        return read_fields(members, shape, "member")
    except Wrong as wrong:
        raise invalid_request(
            "The body's members are not those of this request.", wrong.errors
        ) from None


def read_optional_body(request: Request, shape: type[Shape]) -> Shape:
    """Read a body all of whose members have defaults; nothing at all is an object without any."""
    if request.body:
        return read_body(request, shape)
    check_media_type(request)
    return shape()


def read_no_members(request: Request) -> None:
    """Read a body that says nothing: an object without members, or nothing at all."""
    read_optional_body(request, NoMembers)


def _parse(request: Request) -> dict[str, object]:
    check_media_type(request)
    try:
        body = _decode(request.body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise invalid_request(f"The body is not UTF-8 at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise invalid_request(
            f"The body is not JSON: {error.msg} at character {error.pos}."
        ) from None
    except RecursionError:
        raise invalid_request("The body is nested too deeply.") from None
    if not isinstance(body, dict):
        raise invalid_request("The body must be a JSON object.")
    return body


@lru_cache(64)  # Most requests have the same few.
def _is_json(content_type: str) -> bool:
    media_type, *parameters = content_type.lower().split(";")
    charset = [p.strip() for p in parameters if p.strip().startswith("charset")]
    return media_type.strip() == "application/json" and all(
        p in ("charset=utf-8", 'charset="utf-8"') for p in charset
    )


def check_media_type(request: Request) -> None:
    """Raise Problem unless the body, even an empty one, is declared as JSON.

    A page of another site cannot declare that without asking first.
    """
    if (
        not _is_json(request.headers.getone("content-type", ""))
        or request.headers.getone("content-encoding", "identity").lower() != "identity"
    ):
        raise Problem(
            "unsupported_media_type", "Send the body as JSON with Content-Type: application/json."
        )


def _members(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise invalid_request(
                "The body has a duplicate member.", [FieldError(name, "duplicate member")]
            )
        members[name] = value
    return members


# json.loads() would make a decoder for each body.
_decode = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=Number, parse_float=Number, parse_constant=Number
).decode
