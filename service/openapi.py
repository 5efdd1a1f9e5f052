"""What the API is: the OpenAPI 3.1 document that /openapi.json serves."""

from __future__ import annotations

from typing import Any

from service import __version__
from service.errors import STATUSES
from service.schemas import (
    BATCH_BODY_LIMIT,
    BODY_LIMIT,
    MAX_BATCH,
    MAX_ID,
    MAX_PAGE_SIZE,
    PAGE_SIZE,
)

Schema = dict[str, Any]

CODES: dict[str, str] = {
    "invalid_email": "The email is empty, over 254 characters, has a space or a control character "
    "in it, or is not local@domain.",
    "invalid_amount": "The amount is not a plain decimal number, or is not 0.01 to 999999.99 once "
    "rounded to hundredths.",
    "same_account": "Source and target are one account.",
    "account_not_found": "There is no such account; of two, the source is looked at first.",
    "transaction_not_found": "There is no such transaction.",
    "insufficient_funds": "The source's balance would fall below 0.00.",
    "balance_limit_exceeded": "The target's balance would pass 999999.99.",
    "account_frozen": "The account takes no part in new transactions.",
    "already_reversed": "The transaction has been reversed already.",
    "not_reversible": "The transaction is a reversal itself.",
    "idempotency_key_reused": "The Idempotency-Key was used for another request.",
    "batch_too_large": "The batch has more than 10000 transfers.",
    "batch_refused": "Another item of an atomic batch was refused; nothing was done.",
    "cancelled": "The transaction was cancelled while it was pending.",
    "not_pending": "The transaction has succeeded or failed already.",
    "invalid_request": "The request is not valid HTTP, its body is not a JSON object, or members "
    "are missing, unknown, there twice or of the wrong type, or the Idempotency-Key cannot be one; "
    "`errors` names them.",
    "not_found": "There is nothing at this address.",
    "method_not_allowed": "The address does not take this method; `Allow` lists those it does.",
    "request_timeout": "The request did not arrive in time.",
    "body_too_large": f"The body is over {BODY_LIMIT} bytes; a batch's, over {BATCH_BODY_LIMIT}.",
    "unsupported_media_type": "The body is not sent as application/json in UTF-8.",
    "headers_too_large": "The request's headers are too large.",
    "internal_error": "Something went wrong that nobody foresaw; the service's log has it under "
    "the request's id.",
    "busy": "Another request holds the account or the key, every connection is in use, or the "
    "service is shutting down. Nothing was done; try again after `Retry-After` seconds.",
    "database_unavailable": "The database is away. `detail` says whether nothing was done or the "
    "outcome is unknown.",
}
"""What each code means. Each is an anchor of the docs page: a problem's `type` points there."""

EVERYWHERE = ("invalid_request", "request_timeout", "internal_error")
"""The codes that any request can be answered with."""

_ID: Schema = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
_MONEY: Schema = {"type": "string", "pattern": r"^[0-9]{1,6}\.[0-9]{2}$", "examples": ["12.30"]}
_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    "description": "UTC, with microseconds.",
    "examples": ["2026-11-22T15:41:58.132163Z"],
}
_EMAIL: Schema = {
    "type": "string",
    "minLength": 3,
    "maxLength": 254,
    "pattern": r"^[^@\u0000-\u0020\u007f-\u00a0]+@[^@\u0000-\u0020\u007f-\u00a0]+$",
    "examples": ["ada@example.com"],
}
# What the service reads and PostgreSQL then rounds to 0.01 … 999999.99: neither less than 0.005
# nor 999999.995 and more, in at most 20 digits on either side of the point.
_AMOUNT_IN_RANGE = (
    r"^(?!0+(\.00?|\.00[0-4][0-9]*)?$|0*999999\.99[5-9])0{0,14}[0-9]{1,6}(\.[0-9]{1,20})?$"
)
_AMOUNT: Schema = {
    "description": "Read exactly as written, then rounded to hundredths, half away from zero; "
    "0.01 to 999999.99 after that. As a string it has no exponent.",
    "oneOf": [
        {"type": "string", "pattern": _AMOUNT_IN_RANGE},
        {"type": "number", "minimum": 0.005, "exclusiveMaximum": 999999.995},
    ],
    "examples": ["12.30"],
}


def _object(description: str, properties: dict[str, Schema], *optional: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _or_null(schema: Schema, description: str) -> Schema:
    return {**schema, "type": [schema["type"], "null"], "description": description}


def _ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


_PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "instance": {"type": "string", "description": "The request's id."},
        "code": {"type": "string", "enum": list(CODES)},
        "hint": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "array",
            "description": "The members that are wrong.",
            "items": _object(
                "A member that is wrong.",
                {"field": {"type": "string"}, "detail": {"type": "string"}},
            ),
        },
    },
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "additionalProperties": False,
}

_SCHEMAS: dict[str, Schema] = {
    "Account": _object(
        "A wallet.",
        {"id": _ID, "email": _EMAIL, "balance": _MONEY, "ctime": _TIME},
    ),
    "Transaction": _object(
        "Money that moved, is to be moved, or was to be.",
        {
            "id": _ID,
            "source_account_id": _or_null(_ID, "Null for a deposit from outside."),
            "target_account_id": _or_null(_ID, "Null for a withdrawal to outside."),
            "amount": _MONEY,
            "ctime": {**_TIME, "description": "When it came into its state; UTC."},
            "state": {
                "type": "string",
                "enum": ["succeeded", "pending", "failed"],
                "description": "pending is what is queued. It will succeed, or fail.",
                "examples": ["succeeded"],
            },
            "failure": _object(
                "Why it failed. Only there when it did.",
                {
                    "code": {"type": "string", "enum": list(CODES)},
                    "detail": {"type": "string"},
                },
            ),
        },
        "failure",
    ),
    "Results": _object(
        "What became of each transfer of a batch, in their order.",
        {
            "results": {
                "type": "array",
                "items": {"anyOf": [_ref("schemas", "Transaction"), _ref("schemas", "Problem")]},
            }
        },
    ),
    "Live": _object("The process lives.", {"status": {"const": "live", "examples": ["live"]}}),
    "Ready": _object("It can serve.", {"status": {"const": "ready", "examples": ["ready"]}}),
    "Accounts": _object(
        "The wallets of an address, the oldest first.",
        {"items": {"type": "array", "items": _ref("schemas", "Account")}},
    ),
    "StatementLine": _object(
        "An entry of an account.",
        {
            "entry": {
                "type": "integer",
                "minimum": 1,
                "description": "Its number along the account: 1, 2, 3 … without a gap.",
            },
            "transaction_id": _ID,
            "kind": {
                "type": "string",
                "enum": ["deposit", "withdrawal", "transfer_in", "transfer_out", "reversal"],
                "examples": ["transfer_out"],
            },
            "counterparty_account_id": _or_null(_ID, "Null for the world outside."),
            "amount": {**_MONEY, "pattern": r"^-?[0-9]{1,6}\.[0-9]{2}$", "examples": ["-12.30"]},
            "balance": {**_MONEY, "description": "The balance after it."},
            "ctime": _TIME,
        },
    ),
    "Statement": _object(
        "A page of an account's entries, the newest first.",
        {
            "items": {"type": "array", "items": _ref("schemas", "StatementLine")},
            "next": _or_null(
                {"type": "integer", "minimum": 2, "examples": [51]},
                "The `before` of the next page; null on the last.",
            ),
        },
    ),
    "OpenAPI": {"type": "object", "description": "This document."},
    "Problem": _PROBLEM,
    "CreateAccount": _object("Whose wallet to open.", {"email": _EMAIL}),
    "Payment": _object("How much to pay in or out.", {"amount": _AMOUNT}),
    "Transfer": _object(
        "What to move, from where to where.",
        {"source_account_id": _ID, "target_account_id": _ID, "amount": _AMOUNT},
    ),
    "TransferBatch": _object(
        "Transfers to make, one after another.",
        {
            "transfers": {
                "type": "array",
                "maxItems": MAX_BATCH,
                "items": _object(
                    "What to move, from where to where.",
                    {
                        "source_account_id": _ID,
                        "target_account_id": _ID,
                        # What is no amount is refused as an item's result.
                        "amount": {
                            "type": ["string", "number"],
                            "description": "As in a single transfer.",
                            "examples": ["12.30"],
                        },
                    },
                ),
            },
            "atomic": {
                "type": "boolean",
                "description": "Whether none is made when any is refused.",
                "examples": [False],
            },
        },
    ),
}

_HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The request's id: the one that was sent, when sane, else a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "Location": {
        "description": "Where to read what was made.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "The next page as rel=next, when there is one.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "true when this is the answer that was given when the key was first used.",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {
        "description": "The preferences that were heeded; a wait as long as it could be.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer"},
    },
}

_PARAMETERS: dict[str, Schema] = {
    "id": {"name": "id", "in": "path", "required": True, "schema": _ID},
    "email": {
        "name": "email",
        "in": "query",
        "required": True,
        "description": "Compared without regard to case.",
        "schema": {"type": "string", "pattern": r"^[^\u0000]*$", "examples": ["ada@example.com"]},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many entries at the most.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_PAGE_SIZE,
            "default": PAGE_SIZE,
        },
    },
    "before": {
        "name": "before",
        "in": "query",
        "description": "Only entries with a lower number: `next` of the page before.",
        "schema": _ID,
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "1 to 255 printable ASCII characters; spaces around them are not part of "
        "it. The request is done once for each "
        "key: sent again, it gets the first answer again, a 404 or 409 as well.",
        "schema": {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "respond-async: queue it and answer 202. respond-async, wait=0.5: wait so "
        "many seconds for its accounts, at most 0.8 of the service's WALLET_STATEMENT_TIMEOUT, and "
        "queue it if they are still busy then.",
        "schema": {"type": "string", "examples": ["respond-async"]},
    },
    "Prefer-wait": {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "wait=10: while it is pending, wait so many seconds, at most 30.",
        "schema": {"type": "string", "examples": ["wait=10"]},
    },
    "X-Request-ID": {
        "name": "X-Request-ID",
        "in": "header",
        "required": False,
        "description": "An id for this request: 1 to 128 of A-Z a-z 0-9 . _ -",
        "schema": {"type": "string"},
    },
}


def _response(description: str, schema: str, *headers: str, media: str) -> Schema:
    return {
        "description": description,
        "headers": {name: _ref("headers", name) for name in ("X-Request-ID", *headers)},
        "content": {media: {"schema": _ref("schemas", schema)}},
    }


def _problems(*codes: str) -> dict[str, Schema]:
    """The answers that are no success, by status: what this operation can refuse, and the rest."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *EVERYWHERE):
        by_status.setdefault(STATUSES[code], []).append(code)
    return {
        str(status): _response(
            " or ".join(dict.fromkeys(names)),
            "Problem",
            *(["Retry-After"] if status == 503 else []),
            *(["Idempotency-Replayed"] if status in (404, 409) else []),
            media="application/problem+json",
        )
        for status, names in sorted(by_status.items())
    }


def _operation(
    name: str,
    summary: str,
    answer: Schema,
    *codes: str,
    body: str | None = None,
    path_id: bool = False,
    parameters: tuple[str, ...] = (),
    keyed: bool = False,
    status: int = 200,
    accepted: Schema | None = None,
) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "parameters": [
            *([_ref("parameters", "id")] if path_id else []),
            *(_ref("parameters", name) for name in parameters),
            *([_ref("parameters", "Idempotency-Key")] if keyed or status == 201 else []),
            _ref("parameters", "X-Request-ID"),
        ],
        "responses": {
            str(status): answer,
            **({"202": accepted} if accepted else {}),
            **_problems(*codes),
        },
    }
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref("schemas", body)}},
        }
    return operation


def _made(description: str, schema: str) -> Schema:
    return _response(
        description, schema, "Location", "Idempotency-Replayed", media="application/json"
    )


_DATABASE = ("busy", "database_unavailable")
_BODY = ("idempotency_key_reused", "body_too_large", "unsupported_media_type", *_DATABASE)
_json = "application/json"

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "pgwallet",
        "version": __version__,
        "summary": "Wallets, and the money that moves between them.",
        "description": "Money is decimal and exact: it leaves as a string with two decimals, and "
        "arrives as a string or a number that is read as it is written. Each request is one call "
        "of one function in PostgreSQL: it happens whole or not at all, and what was answered with "
        "2xx survives a crash.",
    },
    "paths": {
        "/account": {
            "post": _operation(
                "create_account",
                "Open a wallet for an email address; one address may own several.",
                _response(
                    "The account.", "Account", "Location", "Idempotency-Replayed", media=_json
                ),
                *("invalid_email", *_BODY),
                body="CreateAccount",
                status=201,
            ),
            "get": _operation(
                "find_accounts",
                "The wallets of an email address.",
                _response("The accounts.", "Accounts", media=_json),
                *("invalid_email", *_DATABASE),
                parameters=("email",),
            ),
        },
        "/account/{id}": {
            "get": _operation(
                "get_account",
                "Read a wallet.",
                _response("The account.", "Account", media=_json),
                *("account_not_found", *_DATABASE),
                path_id=True,
            )
        },
        "/account/{id}/payment": {
            "post": _operation(
                "deposit",
                "Pay in from outside.",
                _response(
                    "The transaction.",
                    "Transaction",
                    "Location",
                    "Idempotency-Replayed",
                    media=_json,
                ),
                *("invalid_amount", "account_not_found", "balance_limit_exceeded"),
                *("account_frozen", *_BODY),
                body="Payment",
                path_id=True,
                status=201,
            )
        },
        "/account/{id}/withdrawal": {
            "post": _operation(
                "withdraw",
                "Pay out to outside.",
                _response(
                    "The transaction.",
                    "Transaction",
                    "Location",
                    "Idempotency-Replayed",
                    media=_json,
                ),
                *("invalid_amount", "account_not_found", "insufficient_funds", "account_frozen"),
                *_BODY,
                body="Payment",
                path_id=True,
                status=201,
            )
        },
        "/account/{id}/transaction": {
            "get": _operation(
                "get_statement",
                "Read a wallet's statement, the newest entry first.",
                _response("The entries.", "Statement", "Link", media=_json),
                *("account_not_found", *_DATABASE),
                path_id=True,
                parameters=("limit", "before"),
            )
        },
        "/transaction": {
            "post": _operation(
                "transfer",
                "Move money from one wallet to another.",
                _response(
                    "The transaction.",
                    "Transaction",
                    *("Location", "Idempotency-Replayed", "Preference-Applied"),
                    media=_json,
                ),
                *("invalid_amount", "same_account", "account_not_found", "insufficient_funds"),
                *("balance_limit_exceeded", "account_frozen", *_BODY),
                body="Transfer",
                parameters=("Prefer",),
                status=201,
                accepted=_response(
                    "The transaction, pending: it is queued.",
                    "Transaction",
                    *("Location", "Idempotency-Replayed", "Preference-Applied"),
                    media=_json,
                ),
            )
        },
        "/transaction/batch": {
            "post": _operation(
                "transfer_batch",
                "Make many transfers, one after another; or none, if atomic and any is refused.",
                _response(
                    "What became of each, in their order: a transaction or a problem.",
                    *("Results", "Idempotency-Replayed"),
                    media=_json,
                ),
                *("batch_too_large", *_BODY),
                body="TransferBatch",
                keyed=True,
            )
        },
        "/transaction/{id}": {
            "get": _operation(
                "get_transaction",
                "Read a transaction, what is queued and what failed too.",
                _response("The transaction.", "Transaction", "Preference-Applied", media=_json),
                *("transaction_not_found", *_DATABASE),
                path_id=True,
                parameters=("Prefer-wait",),
            )
        },
        "/transaction/{id}/reversal": {
            "post": _operation(
                "reverse",
                "Take a transaction back: a new one moves the same amount the other way. Once.",
                _response(
                    "The new transaction.",
                    "Transaction",
                    "Location",
                    "Idempotency-Replayed",
                    media=_json,
                ),
                *("transaction_not_found", "insufficient_funds", "balance_limit_exceeded"),
                *("account_frozen", "already_reversed", "not_reversible", *_BODY),
                path_id=True,
                status=201,
            )
        },
        "/health/live": {
            "get": _operation(
                "live",
                "Whether the process lives.",
                _response("It lives.", "Live", media=_json),
            )
        },
        "/health/ready": {
            "get": _operation(
                "ready",
                "Whether requests can be served: the database answers, the functions are there.",
                _response("It is ready.", "Ready", media=_json),
                *_DATABASE,
            )
        },
        "/openapi.json": {
            "get": _operation(
                "openapi",
                "This document.",
                _response("OpenAPI 3.1.", "OpenAPI", media=_json),
            )
        },
        "/docs": {
            "get": _operation(
                "docs",
                "This document as a page.",
                {
                    "description": "A page that needs nothing else.",
                    "headers": {"X-Request-ID": _ref("headers", "X-Request-ID")},
                    "content": {"text/html": {"schema": {"type": "string"}}},
                },
            )
        },
    },
    "components": {"schemas": _SCHEMAS, "headers": _HEADERS, "parameters": _PARAMETERS},
}
