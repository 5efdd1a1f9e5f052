"""Every code that an answer can carry: the one table of SQLSTATEs, HTTP statuses and meanings.

The mapping from SQLSTATEs, the OpenAPI document, the docs page and docs/errors.md are made from it.
"""

from __future__ import annotations

from typing import NamedTuple

from service.limits import (
    MAX_AMOUNT,
    MAX_BATCH,
    MAX_BATCH_BODY_BYTES,
    MAX_BODY_BYTES,
    MAX_ERRORS,
)


class Code(NamedTuple):
    """A code with its HTTP status. In `meaning`, text in backticks is code."""

    code: str
    status: int
    meaning: str
    sqlstate: str | None = None
    """What the wallet functions raise or record; None for a code of the service alone."""


_REFUSALS = (
    Code(
        "invalid_email",
        400,
        "The email is NULL or empty, is over 254 characters long, contains white space, a control "
        "or a format character, or is not `local@domain`.",
        "WL001",
    ),
    Code(
        "invalid_amount",
        400,
        "The amount is NULL, NaN, infinite or not a plain decimal number, or is not 0.01 to "
        f"{MAX_AMOUNT} once rounded to hundredths.",
        "WL002",
    ),
    Code("same_account", 400, "Source and target are one account.", "WL003"),
    Code(
        "account_not_found",
        404,
        "There is no such account. The source is looked up first, then the target.",
        "WL004",
    ),
    Code("transaction_not_found", 404, "There is no such transaction.", "WL005"),
    Code(
        "insufficient_funds",
        409,
        "The source's balance, less what is held, would fall below its minimum, which is 0.00 "
        "unless it was set.",
        "WL006",
    ),
    Code(
        "balance_limit_exceeded",
        409,
        f"The target's balance would exceed its maximum, which is {MAX_AMOUNT} unless it was set.",
        "WL007",
    ),
    Code("account_frozen", 409, "The account takes no part in new transactions.", "WL008"),
    Code("already_reversed", 409, "The transaction has already been reversed.", "WL009"),
    Code("not_reversible", 409, "The transaction is itself a reversal.", "WL010"),
    Code(
        "idempotency_key_reused",
        422,
        "The Idempotency-Key was used for another operation or with other arguments.",
        "WL011",
    ),
    Code("batch_too_large", 400, f"The batch has more than {MAX_BATCH} transfers.", "WL012"),
    Code(
        "batch_refused",
        409,
        "Another item of an atomic batch was refused, so nothing was done. "
        "Only an item's result has this code.",
        "WL013",
    ),
    Code(
        "cancelled",
        409,
        "The transaction was cancelled while it was pending. "
        "Only a failed transaction's `failure` has this code.",
        "WL014",
    ),
    Code(
        "not_pending",
        409,
        "The transaction has already succeeded or failed, so it cannot be cancelled.",
        "WL015",
    ),
    Code("hold_not_found", 404, "There is no such hold.", "WL016"),
    Code("hold_closed", 409, "The hold was captured or released, or it has expired.", "WL017"),
    Code("hold_exceeded", 409, "Less than the amount is left of the hold.", "WL018"),
    Code("limit_in_use", 409, "The account's balance is not within these limits.", "WL019"),
    Code(
        "processing_failed",
        409,
        "Processing the transaction raised an unexpected error several times: it was set aside. "
        "Only a failed transaction's `failure` has this code.",
        "WL020",
    ),
)
"""In the order in which the database checks them."""

_SERVICE = (
    Code(
        "invalid_request",
        400,
        "The request is not valid HTTP, its body is not a JSON object, the Idempotency-Key is "
        "malformed, or members or parameters are missing, unknown, duplicate or of the wrong "
        f"type. `errors` names them, up to {MAX_ERRORS}.",
    ),
    Code(
        "unauthorized",
        401,
        "The request has no API key, or one that is malformed, unknown, expired or revoked.",
    ),
    Code("forbidden", 403, "The API key lacks the scope that the request needs."),
    Code(
        "forbidden_origin",
        403,
        "A page of another site sent the request: its `Origin` is not this service's, and not one "
        "of `WALLET_ORIGINS`.",
    ),
    Code("not_found", 404, "There is nothing at this address."),
    Code(
        "method_not_allowed",
        405,
        "The address does not support this method. `Allow` lists those that it does.",
    ),
    Code("request_timeout", 408, "The request did not arrive in time."),
    Code(
        "body_too_large",
        413,
        f"The body is over {MAX_BODY_BYTES} bytes; a batch's, over {MAX_BATCH_BODY_BYTES}.",
    ),
    Code("unsupported_media_type", 415, "The body is not sent as `application/json` in UTF-8."),
    Code(
        "unknown_host",
        421,
        "The request's `Host` is not a name of this service: see `WALLET_HOSTS`.",
    ),
    Code(
        "rate_limited",
        429,
        "Too many requests or connections of one address or API key. Nothing was done; try again "
        "after `Retry-After` seconds.",
    ),
    Code("headers_too_large", 431, "The request's headers are too large."),
    Code("internal_error", 500, "An unexpected error; the log has it under the request's id."),
    Code(
        "busy",
        503,
        "An account or a key is locked, every connection is in use, too much arrives at once, or "
        "the service is shutting down. Nothing was done; try again after `Retry-After` seconds.",
    ),
    Code(
        "database_unavailable",
        503,
        "The database cannot be reached. `detail` says whether nothing was done or the outcome is "
        "unknown; try again after `Retry-After` seconds.",
    ),
    Code(
        "service_unavailable",
        503,
        "The edge cannot reach the service, or gets no answer. `detail` says whether nothing was "
        "done or the outcome is unknown; try again after `Retry-After` seconds.",
    ),
)

CODES = {code.code: code for code in (*_REFUSALS, *_SERVICE)}
"""Each code by its name."""

BY_SQLSTATE = {code.sqlstate: code for code in _REFUSALS if code.sqlstate}
"""The refusals of the wallet functions, by SQLSTATE."""

WITH_KEY = ("unauthorized", "forbidden", "rate_limited")
"""The codes that any request that needs an API key can be answered with."""

EVERYWHERE = (
    *("invalid_request", "forbidden_origin", "request_timeout", "unknown_host"),
    *("internal_error", "busy"),
)
"""The codes that any request can be answered with."""
