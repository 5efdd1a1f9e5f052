"""What every answer is held to, whatever was asked: the contract, and the document served."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from httpx import Response
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.openapi import DOCUMENT

# The contract's codes. They are written out here, since a test that asked the service for them
# would agree with whatever the service says.
CODES = {
    "invalid_email": 400,
    "invalid_amount": 400,
    "same_account": 400,
    "account_not_found": 404,
    "transaction_not_found": 404,
    "insufficient_funds": 409,
    "balance_limit_exceeded": 409,
    "account_frozen": 409,
    "already_reversed": 409,
    "not_reversible": 409,
    "idempotency_key_reused": 422,
    "batch_too_large": 400,
    "batch_refused": 409,
    "cancelled": 409,
    "not_pending": 409,
    "hold_not_found": 404,
    "hold_closed": 409,
    "hold_exceeded": 409,
    "limit_in_use": 409,
    "processing_failed": 409,
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "forbidden_origin": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "unknown_host": 421,
    "rate_limited": 429,
    "headers_too_large": 431,
    "internal_error": 500,
    "busy": 503,
    "database_unavailable": 503,
    "service_unavailable": 503,
}
MEMBERS = {"type", "title", "status", "detail", "instance", "code"}
ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_is_page = re.compile(r"/(|guide|docs|console|metrics|pages/.+)").fullmatch

# SQL, a stack trace or an address, in the forms that this service could let slip.
_LEAK = re.compile(
    r"""
    \bSELECT\s | \bINSERT\s+INTO | \bUPDATE\s+wallet | \bwallet\.\w | pl/?pgsql | SQLSTATE
    | CONTEXT: | asyncpg | sanic | Traceback | \.py\b | File\s" | line\s\d+ | 0x[0-9a-f]{6,}
    | postgres(ql)?:// | \blocalhost\b | \d+\.\d+\.\d+\.\d+ | /tmp/ | /home/ | /usr/ | \.s\.PGSQL
    | Errno | password
    """,
    re.VERBOSE | re.IGNORECASE,
)


def check(response: Response) -> None:
    """Hold an answer to all that holds for each one. It is also a hook for httpx clients."""
    check_form(response)
    assert response.status_code != 500, response.text


def check_form(response: Response) -> None:
    """As check(), for the tests that ask for a 500."""
    response.read()
    assert SANE_ID.fullmatch(response.headers["X-Request-ID"]), response.headers
    for name, value in ALWAYS.items():
        assert response.headers[name] == value, response.headers
    assert parsedate_to_datetime(response.headers["Date"]).tzinfo is UTC
    given = response.request.headers.get("X-Request-ID", "")
    if SANE_ID.fullmatch(given):
        assert response.headers["X-Request-ID"] == given
    if "Idempotency-Replayed" in response.headers:
        assert response.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Key" in response.request.headers
        assert response.status_code in (200, 201, 202, 404, 409), response.text
    if response.status_code >= 400:
        check_problem(response)
    _check_documented(response)


def problem(response: Response, code: str) -> dict[str, Any]:
    """Hold an answer to be this problem, and return its body."""
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (CODES[code], code), body
    return body


def fields(response: Response) -> list[str]:
    """The members that an invalid_request finds fault with."""
    return [error["field"] for error in problem(response, "invalid_request")["errors"]]


def check_problem(response: Response) -> None:
    """Hold an answer to the form of all problems."""
    assert response.headers["Content-Type"] == "application/problem+json"
    if response.request.method == "HEAD":
        return
    body = response.json()
    assert body.keys() >= MEMBERS, body
    assert body.keys() <= MEMBERS | {"hint", "errors"}, body
    assert body["status"] == response.status_code == CODES[body["code"]], body
    assert body["type"] == f"/guide#{body['code']}"
    assert body["title"] == body["code"].replace("_", " ").capitalize()
    assert body["instance"] == response.headers["X-Request-ID"]
    assert body["detail"]
    for error in body.get("errors", []):
        assert error.keys() == {"field", "detail"}, error
    assert _LEAK.search(response.text) is None, response.text
    if response.status_code in (429, 503):
        assert int(response.headers["Retry-After"]) >= 1
    if response.status_code == 405:
        assert response.headers["Allow"]


def _check_documented(response: Response) -> None:
    """Hold an answer to what the OpenAPI document says of its operation and status."""
    if _is_page(response.request.url.path) and response.status_code in (200, 302):
        return
    template = template_of(response.request.url.path)
    method = response.request.method.lower().replace("head", "get")
    if template is None or method not in DOCUMENT["paths"][template]:
        outside = (204, 400, 401, 403, 404, 405, 408, 421, 431, 503)
        assert response.status_code in outside, response.text
        return
    responses = DOCUMENT["paths"][template][method]["responses"]
    assert str(response.status_code) in responses, f"undocumented: {response.text}"
    documented = responses[str(response.status_code)]
    for name, header in documented.get("headers", {}).items():
        if resolve(header).get("required"):
            assert name in response.headers, f"{name} is missing in {response.headers}"
    media_type = response.headers["Content-Type"].partition(";")[0]
    assert media_type in documented["content"], response.headers
    if media_type.endswith("json") and response.request.method != "HEAD":
        assert response.content.endswith(b"}\n")
        _validator(template, method, str(response.status_code), media_type).validate(
            response.json()
        )


def template_of(path: str) -> str | None:
    """The documented path that a request's path is an instance of."""
    if path in DOCUMENT["paths"]:
        return path
    for template in DOCUMENT["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return str(template)
    return None


def resolve(element: dict[str, Any]) -> dict[str, Any]:
    """The element itself, or the component that it refers to."""
    if "$ref" not in element:
        return element
    found: Any = DOCUMENT
    for name in element["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


@cache
def _validator(template: str, method: str, status: str, media_type: str) -> Draft202012Validator:
    documented = DOCUMENT["paths"][template][method]["responses"][status]
    schema = documented["content"][media_type]["schema"]
    # References are looked up from the root, so the components come along.
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})
