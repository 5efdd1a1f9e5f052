"""Refusals and failures as `application/problem+json` (RFC 9457), mapped from SQLSTATEs."""

from __future__ import annotations

import logging
from typing import Any

import asyncpg
from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException

from service.responses import json_response, request_id

logger = logging.getLogger("wallet")

REFUSALS: dict[str, tuple[str, int]] = {
    "WL001": ("invalid_email", 400),
    "WL002": ("invalid_amount", 400),
    "WL003": ("same_account", 400),
    "WL004": ("account_not_found", 404),
    "WL005": ("transaction_not_found", 404),
    "WL006": ("insufficient_funds", 409),
    "WL007": ("balance_limit_exceeded", 409),
    "WL008": ("account_frozen", 409),
    "WL009": ("already_reversed", 409),
    "WL010": ("not_reversible", 409),
    "WL011": ("idempotency_key_reused", 422),
    "WL012": ("batch_too_large", 400),
    "WL013": ("batch_refused", 409),
    "WL014": ("cancelled", 409),
    "WL015": ("not_pending", 409),
}
"""What the wallet functions raise or record: SQLSTATE to code and HTTP status."""

STATUSES: dict[str, int] = {
    **dict(REFUSALS.values()),
    "invalid_request": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "headers_too_large": 431,
    "internal_error": 500,
    "busy": 503,
    "database_unavailable": 503,
}
"""Every code that an answer can carry, with its HTTP status."""

NOTHING_DONE = "Nothing was done."
OUTCOME_UNKNOWN = (
    "The connection to the database was lost while the request ran: it may have taken effect or "
    "not. Try again with the same Idempotency-Key; without one, read the account first."
)

_BUSY = {
    "55P03": "Another request holds the account or the Idempotency-Key.",  # lock_not_available
    "57014": "The request took too long.",  # query_canceled, by statement_timeout
    "40001": "Another request changed the account.",  # serialization_failure
    "40P01": "Another transaction in the database holds the account.",  # deadlock_detected
}
# The server ended the connection, perhaps between the commit and its answer.
_LOST = ("08", "57P01", "57P02", "57P05")
_UNAVAILABLE = ("53", "57P03", "58")
_READ_ONLY = "25006"


class Problem(Exception):
    """An answer that is no success: a code out of STATUSES, and what a person needs to know."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors = errors
        self.headers = headers or {}


def refusal(sqlstate: str, detail: str | None, hint: str | None) -> Problem:
    """The answer to a refusal of a wallet function, by its SQLSTATE alone."""
    return Problem(REFUSALS[sqlstate][0], detail or "", hint=hint)


def connection_is_stale(error: asyncpg.PostgresError) -> bool:
    """Whether the server behind the connection is going away or was demoted."""
    sqlstate = error.sqlstate or ""
    return sqlstate == _READ_ONLY or sqlstate.startswith(("08", "57P"))


def from_postgres(error: asyncpg.PostgresError) -> Problem:
    """The answer to an error that PostgreSQL reported, by its SQLSTATE alone."""
    sqlstate = error.sqlstate or ""
    if sqlstate in REFUSALS:
        return refusal(sqlstate, error.detail, error.hint)
    if sqlstate in _BUSY:
        return Problem("busy", f"{_BUSY[sqlstate]} {NOTHING_DONE}")
    if sqlstate == _READ_ONLY:
        return Problem("database_unavailable", f"The database is read-only. {NOTHING_DONE}")
    if sqlstate.startswith(_LOST):
        return Problem("database_unavailable", OUTCOME_UNKNOWN)
    if sqlstate.startswith(_UNAVAILABLE):
        return Problem("database_unavailable", f"The database cannot serve now. {NOTHING_DONE}")
    logger.error("PostgreSQL: %s %s", sqlstate, error, exc_info=error)
    return _internal_error()


def _internal_error() -> Problem:
    return Problem(
        "internal_error",
        "Something went wrong that nobody foresaw. The service's log has it under this instance.",
    )


def _from_sanic(error: SanicException) -> Problem:
    headers = {name.title(): str(value) for name, value in dict(error.headers or {}).items()}
    match error.status_code:
        case 404:
            return Problem("not_found", "There is nothing at this address.")
        case 405:
            return Problem(
                "method_not_allowed", "This address does not take this method.", headers=headers
            )
        case 408:
            return Problem("request_timeout", "The request did not arrive in time.")
        case 413 if "header" in str(error):
            return Problem("headers_too_large", "The request's headers are too large.")
        case 413:
            return Problem("body_too_large", "The body is too large.")
        case 503:
            return Problem("busy", "The request took too long.")
        case status if 400 <= status < 500:
            return Problem("invalid_request", "The request is not valid HTTP.")
    logger.error("HTTP: %s", error, exc_info=error)
    return _internal_error()


def problem_of(error: BaseException) -> Problem:
    """The answer to anything that a handler can raise."""
    match error:
        case Problem():
            return error
        case asyncpg.PostgresError():
            return from_postgres(error)
        case SanicException():
            return _from_sanic(error)
    logger.error("unforeseen: %r", error, exc_info=error)
    return _internal_error()


def problem_object(request: Request, problem: Problem) -> dict[str, Any]:
    """The members that tell of a problem."""
    payload: dict[str, Any] = {
        "type": f"/docs#{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": STATUSES[problem.code],
        "detail": problem.detail,
        "instance": request_id(request),
        "code": problem.code,
    }
    if problem.hint:
        payload["hint"] = problem.hint
    if problem.errors:
        payload["errors"] = problem.errors
    return payload


def problem_response(request: Request, error: BaseException) -> HTTPResponse:
    """Answer with the problem that `error` is."""
    problem = problem_of(error)
    payload = problem_object(request, problem)
    headers = dict(problem.headers)
    if payload["status"] == 503:
        headers["Retry-After"] = "1"
    return json_response(request, payload["status"], payload, headers, "application/problem+json")
