"""The OpenAPI 3.1 document of the API, which /openapi.json serves.

Its schemas come from the shapes of bodies, queries and answers, its errors from the table of codes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from service import __version__, answers, bodies, fields, parameters
from service.codes import CODES, EVERYWHERE, WITH_KEY
from service.limits import AUDIT_TIMEOUT, MAX_WAIT

Schema = dict[str, Any]


def _schemas(*shapes: type[Struct]) -> dict[str, Schema]:
    """The shapes' schemas by name, and those of all shapes within them."""
    _, schemas = msgspec.json.schema_components(
        shapes,
        schema_hook=fields.SCHEMAS.__getitem__,
        ref_template="#/components/schemas/{name}",
    )
    return schemas


def _query(shape: type[Struct]) -> dict[str, Schema]:
    """A query's parameters by name."""
    schema = _schemas(shape)[shape.__name__]
    found = {}
    for name, parameter in schema["properties"].items():
        found[name] = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": parameter.pop("description"),
            # A parameter without a value is left out, never null.
            "schema": parameter.get("anyOf", [parameter])[0],
        }
    return found


def _header(name: str, description: str, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


_SCHEMAS = {
    **_schemas(
        answers.Account,
        answers.Accounts,
        answers.Transaction,
        answers.Transactions,
        answers.Results,
        answers.Statement,
        answers.Hold,
        answers.Holds,
        answers.Violations,
        answers.Queue,
        answers.Waits,
        answers.Version,
        answers.Problem,
        answers.Live,
        answers.Ready,
        bodies.CreateAccount,
        bodies.NewEmail,
        bodies.NewAnnotation,
        bodies.Reversal,
        bodies.Payment,
        bodies.NoMembers,
        bodies.NewHold,
        bodies.Capture,
        bodies.NewLimits,
        bodies.Transfer,
        bodies.TransferBatch,
    ),
    "OpenAPI": {"type": "object", "description": "This document."},
}

_HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The request's id: the one that was sent if it is sane, else a new one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "Location": {
        "description": "Where to read what was made.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "The next page as rel=next, if there is one.",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "true if this answer was given to an earlier request with the same key.",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {
        "description": "The preferences that were applied, with the wait that was possible.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "required": True,
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {
        "description": "Bearer, and with a key that was sent, what is wrong with it (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
    },
}

_PROBLEM_HEADERS = {
    401: ("WWW-Authenticate",),
    404: ("Idempotency-Replayed",),
    409: ("Idempotency-Replayed",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

_PARAMETERS: dict[str, Schema] = {
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": _SCHEMAS["Account"]["properties"]["id"],
    },
    **_query(parameters.AccountQuery),
    **_query(parameters.TransactionQuery),
    **_query(parameters.PageQuery),
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "1 to 255 printable ASCII characters; spaces around them are not part of it. The request "
        "is done once for each key: a retry gets the first answer, even if it was a 404 or 409.",
        {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"},
    ),
    "Prefer": _header(
        "Prefer",
        "respond-async: queue it and answer 202. respond-async, wait=0.5: wait so many seconds for "
        "its accounts, at most 0.8 of the service's WALLET_STATEMENT_TIMEOUT, and queue it if they "
        "are still busy then.",
        {"type": "string", "examples": ["respond-async"]},
    ),
    "Prefer-wait": _header(
        "Prefer",
        f"wait=10: while it is pending, wait so many seconds, at most {MAX_WAIT:.0f}. fresh: as "
        "for an account.",
        {"type": "string", "examples": ["wait=10"]},
    ),
    "Prefer-fresh": _header(
        "Prefer",
        "fresh: answer with what is committed now. Without it, a service that reads from a standby "
        "may answer with what was committed up to WALLET_READ_MAX_LAG seconds ago.",
        {"type": "string", "examples": ["fresh"]},
    ),
    "X-Request-ID": _header(
        "X-Request-ID",
        "An id for this request: 1 to 128 of A-Z a-z 0-9 . _ -",
        {"type": "string"},
    ),
}


def _response(
    description: str,
    schema: str,
    *headers: str,
    media_type: str = "application/json",
) -> Schema:
    return {
        "description": description,
        "headers": {name: _ref("headers", name) for name in ("X-Request-ID", *headers)},
        "content": {media_type: {"schema": _ref("schemas", schema)}},
    }


def _made(description: str, schema: str, *headers: str) -> Schema:
    return _response(description, schema, "Location", "Idempotency-Replayed", *headers)


def _problems(codes: tuple[str, ...]) -> dict[str, Schema]:
    """The errors of an operation by status. `x-codes` lists the codes of each."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys((*codes, *EVERYWHERE)):
        by_status.setdefault(CODES[code].status, []).append(code)
    responses = {}
    for status, names in sorted(by_status.items()):
        media_type = "application/problem+json"
        headers = _PROBLEM_HEADERS.get(status, ())
        response = _response(" or ".join(names), "Problem", *headers, media_type=media_type)
        response["content"][media_type]["examples"] = {
            name: _ref("examples", name) for name in names
        }
        responses[str(status)] = {**response, "x-codes": names}
    return responses


def _operation(
    name: str,
    summary: str,
    responses: dict[int, Schema],
    codes: tuple[str, ...] = (),
    *,
    scope: str | None = None,
    parameters: tuple[str, ...] = (),
    body: str | None = None,
) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "parameters": [_ref("parameters", name) for name in (*parameters, "X-Request-ID")],
        "responses": {
            **{str(status): response for status, response in responses.items()},
            **_problems((*codes, *(WITH_KEY if scope else ()))),
        },
    }
    if scope:
        operation["security"] = [{"key": [scope]}]
    if body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref("schemas", body)}},
        }
    return operation


_DATABASE = ("busy", "database_unavailable")
_BODY = ("body_too_large", "unsupported_media_type")
_POST = ("idempotency_key_reused", *_BODY, *_DATABASE)

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "pgwallet",
        "version": __version__,
        "summary": "Wallets, and the money that moves between them.",
        "description": "Money is decimal and exact: it leaves as a string with two decimals, and "
        "arrives as a string or a number that is read as it is written. A request is one call of "
        "one function in PostgreSQL: it happens whole or not at all, and what was answered with "
        "2xx survives a crash.",
    },
    "paths": {
        "/account": {
            "post": _operation(
                "create_account",
                "Open a wallet for an email address; one address may own several.",
                {201: _made("The account.", "Account")},
                ("invalid_email", *_POST),
                parameters=("Idempotency-Key",),
                body="CreateAccount",
                scope="write",
            ),
            "get": _operation(
                "find_accounts",
                "The wallets of an email address or a reference.",
                {200: _response("The accounts.", "Accounts", "Link")},
                ("invalid_email", *_DATABASE),
                parameters=("email", "limit", "after", "Prefer-fresh"),
                scope="read",
            ),
        },
        "/account/{id}": {
            "get": _operation(
                "get_account",
                "Read a wallet.",
                {200: _response("The account.", "Account")},
                ("account_not_found", *_DATABASE),
                parameters=("id", "Prefer-fresh"),
                scope="read",
            )
        },
        "/account/{id}/payment": {
            "post": _operation(
                "deposit",
                "Pay in from outside.",
                {201: _made("The transaction.", "Transaction")},
                (
                    *("invalid_amount", "account_not_found", "balance_limit_exceeded"),
                    *("account_frozen", *_POST),
                ),
                parameters=("id", "Idempotency-Key"),
                body="Payment",
                scope="write",
            )
        },
        "/account/{id}/withdrawal": {
            "post": _operation(
                "withdraw",
                "Pay out to outside.",
                {201: _made("The transaction.", "Transaction")},
                (
                    *("invalid_amount", "account_not_found", "insufficient_funds"),
                    *("account_frozen", *_POST),
                ),
                parameters=("id", "Idempotency-Key"),
                body="Payment",
                scope="write",
            )
        },
        "/account/{id}/transaction": {
            "get": _operation(
                "get_statement",
                "Read a wallet's statement, the newest entry first.",
                {200: _response("The entries.", "Statement", "Link")},
                ("account_not_found", *_DATABASE),
                parameters=("id", "limit", "before", "Prefer-fresh"),
                scope="read",
            )
        },
        "/account/{id}/freeze": {
            "post": _operation(
                "freeze_account",
                "Keep a wallet out of new transactions.",
                {200: _response("The account.", "Account")},
                ("account_not_found", *_BODY, *_DATABASE),
                scope="operate",
                parameters=("id",),
                body="NoMembers",
            )
        },
        "/account/{id}/unfreeze": {
            "post": _operation(
                "unfreeze_account",
                "Let a wallet take part in transactions again.",
                {200: _response("The account.", "Account")},
                ("account_not_found", *_BODY, *_DATABASE),
                scope="operate",
                parameters=("id",),
                body="NoMembers",
            )
        },
        "/account/{id}/email": {
            "put": _operation(
                "set_email",
                "Give a wallet another email address.",
                {200: _response("The account.", "Account")},
                ("invalid_email", "account_not_found", *_BODY, *_DATABASE),
                scope="operate",
                parameters=("id",),
                body="NewEmail",
            )
        },
        "/account/{id}/hold": {
            "post": _operation(
                "hold",
                "Reserve money: it can be captured or released, and nothing else can move it.",
                {201: _made("The hold.", "Hold")},
                (
                    *("invalid_amount", "account_not_found", "insufficient_funds"),
                    *("account_frozen", *_POST),
                ),
                parameters=("id", "Idempotency-Key"),
                body="NewHold",
                scope="write",
            ),
            "get": _operation(
                "get_holds",
                "A wallet's holds, the newest first.",
                {200: _response("The holds.", "Holds", "Link")},
                ("account_not_found", *_DATABASE),
                parameters=("id", "limit", "before", "Prefer-fresh"),
                scope="read",
            ),
        },
        "/account/{id}/annotation": {
            "put": _operation(
                "annotate_account",
                "Give a wallet a reference and metadata, in place of those that it has.",
                {200: _response("The account.", "Account")},
                ("account_not_found", *_BODY, *_DATABASE),
                parameters=("id",),
                body="NewAnnotation",
                scope="write",
            )
        },
        "/account/{id}/limits": {
            "put": _operation(
                "set_limits",
                "Set what a wallet's balance may not fall below and not pass.",
                {200: _response("The account.", "Account")},
                ("invalid_amount", "account_not_found", "limit_in_use", *_BODY, *_DATABASE),
                parameters=("id",),
                body="NewLimits",
                scope="operate",
            )
        },
        "/hold/{id}": {
            "get": _operation(
                "get_hold",
                "Read a hold.",
                {200: _response("The hold.", "Hold")},
                ("hold_not_found", *_DATABASE),
                parameters=("id", "Prefer-fresh"),
                scope="read",
            )
        },
        "/hold/{id}/capture": {
            "post": _operation(
                "capture",
                "Take held money, in parts or at once, for another wallet or for outside.",
                {201: _made("The transaction.", "Transaction")},
                (
                    *("invalid_amount", "hold_not_found", "same_account", "account_not_found"),
                    *("hold_closed", "hold_exceeded", "balance_limit_exceeded"),
                    *("account_frozen", *_POST),
                ),
                parameters=("id", "Idempotency-Key"),
                body="Capture",
                scope="write",
            )
        },
        "/hold/{id}/release": {
            "post": _operation(
                "release",
                "Give back what is left of a hold.",
                {200: _response("The hold.", "Hold", "Idempotency-Replayed")},
                ("hold_not_found", "hold_closed", *_POST),
                parameters=("id", "Idempotency-Key"),
                body="NoMembers",
                scope="write",
            )
        },
        "/transaction": {
            "post": _operation(
                "transfer",
                "Move money from one wallet to another.",
                {
                    201: _made("The transaction.", "Transaction", "Preference-Applied"),
                    202: _made(
                        "The transaction, pending: it is queued.",
                        "Transaction",
                        "Preference-Applied",
                    ),
                },
                (
                    *("invalid_amount", "same_account", "account_not_found"),
                    *("insufficient_funds", "balance_limit_exceeded", "account_frozen", *_POST),
                ),
                parameters=("Idempotency-Key", "Prefer"),
                body="Transfer",
                scope="write",
            ),
            "get": _operation(
                "find_transactions",
                "Transactions, the newest first: those of a reference, in any state; or those that "
                "succeeded, all or a wallet's.",
                {200: _response("The transactions.", "Transactions", "Link")},
                ("account_not_found", "transaction_not_found", *_DATABASE),
                parameters=(
                    "reference",
                    "account_id",
                    "from",
                    "to",
                    "limit",
                    "before",
                    "Prefer-fresh",
                ),
                scope="read",
            ),
        },
        "/transaction/batch": {
            "post": _operation(
                "transfer_batch",
                "Make many transfers, one after another; or none, if atomic and any is refused.",
                {
                    200: _response(
                        "The result of each, in their order: a transaction or a problem.",
                        "Results",
                        "Idempotency-Replayed",
                    )
                },
                ("batch_too_large", *_POST),
                parameters=("Idempotency-Key",),
                body="TransferBatch",
                scope="write",
            )
        },
        "/transaction/{id}": {
            "get": _operation(
                "get_transaction",
                "Read a transaction, including a pending or a failed one.",
                {200: _response("The transaction.", "Transaction", "Preference-Applied")},
                ("transaction_not_found", *_DATABASE),
                parameters=("id", "Prefer-wait"),
                scope="read",
            )
        },
        "/transaction/{id}/reversal": {
            "post": _operation(
                "reverse",
                "Take a transaction back: a new one moves the same amount the other way. Once.",
                {201: _made("The new transaction.", "Transaction")},
                (
                    *("transaction_not_found", "insufficient_funds", "balance_limit_exceeded"),
                    *("account_frozen", "already_reversed", "not_reversible", *_POST),
                ),
                parameters=("id", "Idempotency-Key"),
                body="Reversal",
                scope="write",
            )
        },
        "/transaction/{id}/cancel": {
            "post": _operation(
                "cancel",
                "Take a pending transaction out of the queue: it has failed, as cancelled.",
                {200: _response("The transaction.", "Transaction")},
                ("transaction_not_found", "not_pending", *_BODY, *_DATABASE),
                scope="operate",
                parameters=("id",),
                body="NoMembers",
            )
        },
        "/audit": {
            "get": _operation(
                "audit",
                f"Check the whole ledger. An audit that takes over {AUDIT_TIMEOUT:.0f} seconds is "
                "a 503.",
                {200: _response("What does not add up.", "Violations")},
                _DATABASE,
                scope="operate",
            )
        },
        "/queue": {
            "get": _operation(
                "get_queue",
                "How many transfers are pending, and the first 50 of them.",
                {200: _response("The queue.", "Queue")},
                _DATABASE,
                scope="operate",
            )
        },
        "/wait": {
            "get": _operation(
                "get_account_waits",
                "Who waits for which account, and for whom.",
                {200: _response("The sessions that wait.", "Waits")},
                _DATABASE,
                scope="operate",
            )
        },
        "/version": {
            "get": _operation(
                "version",
                "The versions of the service and of the schema.",
                {200: _response("The versions.", "Version")},
                _DATABASE,
                scope="read",
            )
        },
        "/health/live": {
            "get": _operation(
                "live",
                "Whether the process lives.",
                {200: _response("It lives.", "Live")},
            )
        },
        "/health/ready": {
            "get": _operation(
                "ready",
                "Whether requests can be served: the database answers, the functions are there.",
                {200: _response("It is ready.", "Ready")},
                _DATABASE,
            )
        },
        "/openapi.json": {
            "get": _operation(
                "openapi", "This document.", {200: _response("OpenAPI 3.1.", "OpenAPI")}
            )
        },
    },
    "components": {
        "schemas": _SCHEMAS,
        "headers": _HEADERS,
        "parameters": _PARAMETERS,
        "examples": {
            code.code: {
                "value": {
                    "type": f"/guide#{code.code}",
                    "title": code.code.replace("_", " ").capitalize(),
                    "status": code.status,
                    "detail": code.meaning.replace("`", ""),
                    "instance": "6e720f45b92b184ba83d3d039a4a0dcc",
                    "code": code.code,
                }
            }
            for code in CODES.values()
        },
        "securitySchemes": {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, if the service asks for one: "
                "Authorization: Bearer pgw_… The role that an operation names is the scope that "
                "the key must have; none implies another.",
            }
        },
    },
}

# The reference shows the operations under these words.
_TAGS = (
    ("/account", "Accounts"),
    ("/transaction", "Transactions"),
    ("/hold", "Holds"),
    ("/", "Operations"),
)
for _path, _methods in DOCUMENT["paths"].items():
    for _documented in _methods.values():
        _documented["tags"] = [next(tag for start, tag in _TAGS if _path.startswith(start))]
