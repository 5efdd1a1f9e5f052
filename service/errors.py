"""Refusals and failures as `application/problem+json` (RFC 9457), mapped from SQLSTATEs."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import asyncpg
from msgspec import UNSET
from sanic import HTTPResponse, Request
from sanic.exceptions import SanicException

from service import answers
from service.answers import FieldError
from service.codes import BY_SQLSTATE, CODES
from service.limits import MAX_ERRORS
from service.metrics import count_problem, count_unknown
from service.responses import json_response, log_fields, replayed_header, request_id

logger = logging.getLogger("wallet")

NOTHING_DONE = "Nothing was done."
OUTCOME_UNKNOWN = (
    "The database did not confirm the request: it may have taken effect or not. Try again with the "
    "same Idempotency-Key; without one, read the account first."
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
    """An answer that is an error: one of the CODES, and what a person needs to know."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors = errors
        self.headers = headers or {}


def invalid_request(detail: str, errors: Sequence[FieldError] = ()) -> Problem:
    """The answer to a malformed request. A field without a name is the body as a whole."""
    return Problem(
        "invalid_request",
        detail,
        errors=[
            # A name can be long, and need not be valid Unicode.
            FieldError(error.field[:100].encode(errors="backslashreplace").decode(), error.detail)
            for error in (errors or [FieldError("", detail)])[:MAX_ERRORS]
        ],
    )


def refusal(
    sqlstate: str, detail: str | None, hint: str | None, *, replayed: bool = False
) -> Problem:
    """The answer to a refusal of a wallet function, by its SQLSTATE alone."""
    return Problem(
        BY_SQLSTATE[sqlstate].code, detail or "", hint=hint, headers=replayed_header(replayed)
    )


def is_about_the_call(error: BaseException) -> bool:
    """Whether a call failed for a reason of its own: nothing was done, and the server goes on."""
    sqlstate = getattr(error, "sqlstate", None) or ""
    return isinstance(error, asyncpg.PostgresError) and not (
        sqlstate == _READ_ONLY or sqlstate.startswith((*_LOST, *_UNAVAILABLE))
    )


def connection_is_stale(error: asyncpg.PostgresError) -> bool:
    """Whether the server behind the connection is going away or was demoted."""
    sqlstate = error.sqlstate or ""
    return sqlstate == _READ_ONLY or sqlstate.startswith(("08", "57P"))


def _from_postgres(error: asyncpg.PostgresError) -> Problem | None:
    """The answer to an error that PostgreSQL reported, by its SQLSTATE alone."""
    sqlstate = error.sqlstate or ""
    if sqlstate in BY_SQLSTATE:
        return refusal(sqlstate, error.detail, error.hint)
    if sqlstate in _BUSY:
        return Problem("busy", f"{_BUSY[sqlstate]} {NOTHING_DONE}")
    if sqlstate == _READ_ONLY:
        return Problem("database_unavailable", f"The database is read-only. {NOTHING_DONE}")
    if sqlstate.startswith(_LOST):
        return Problem("database_unavailable", OUTCOME_UNKNOWN)
    if sqlstate.startswith(_UNAVAILABLE):
        return Problem("database_unavailable", f"The database cannot serve now. {NOTHING_DONE}")
    return None


def _from_sanic(error: SanicException) -> Problem | None:
    headers = {name.title(): str(value) for name, value in dict(error.headers or {}).items()}
    match error.status_code:
        case 404:
            return Problem(
                "not_found",
                "There is nothing at this address.",
                hint="/docs lists every address.",
            )
        case 405:
            allowed = {*headers["Allow"].split(", "), "OPTIONS"}
            if "GET" in allowed:
                allowed.add("HEAD")
            headers = {"Allow": ", ".join(sorted(allowed))}
            return Problem(
                "method_not_allowed", "This address does not support this method.", headers=headers
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
    return None


def problem_of(error: BaseException, request: Request) -> Problem:
    """The answer to anything that a handler can raise. What nobody expected is logged."""
    problem = _expected(error)
    if problem is None:
        text = " ".join(
            f"{getattr(error, 'sqlstate', None) or type(error).__name__} {error}".split()
        )
        extra = {"request": log_fields(request)}
        logger.error("unexpected: %s", text, exc_info=error, extra=extra)
        problem = Problem(
            "internal_error",
            "An unexpected error. The service's log has it under this instance.",
        )
    return problem


def _expected(error: BaseException) -> Problem | None:
    match error:
        case Problem():
            return error
        case asyncpg.PostgresError():
            return _from_postgres(error)
        case SanicException():
            return _from_sanic(error)
    return None


def problem_answer(request: Request, problem: Problem) -> answers.Problem:
    """The body of a problem's answer."""
    return answers.Problem(
        type=f"/guide#{problem.code}",
        title=problem.code.replace("_", " ").capitalize(),
        status=CODES[problem.code].status,
        detail=problem.detail,
        instance=request_id(request),
        code=problem.code,
        hint=problem.hint or UNSET,
        errors=list(problem.errors) or UNSET,
    )


def problem_response(request: Request, error: BaseException) -> HTTPResponse:
    """Answer with the problem that `error` is."""
    problem = problem_of(error, request)
    cause = error.__cause__ if isinstance(error, Problem) else error
    request.ctx.sqlstate = getattr(cause, "sqlstate", None) or CODES[problem.code].sqlstate
    answer = problem_answer(request, problem)
    count_problem(problem.code)
    if problem.detail == OUTCOME_UNKNOWN:
        count_unknown()
    headers = dict(problem.headers)
    if answer.status == 503:
        headers.setdefault("Retry-After", "1")
    return json_response(request, answer.status, answer, headers, "application/problem+json")
