"""Hooks for schemathesis: the refusals of valid data that no JSON Schema can foretell."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure


@schemathesis.hook
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Keep a failure, unless what is refused is a move to the very account it comes from, or a
    key that has been used, metadata that PostgreSQL cannot keep, or a query that lacks one of two.
    """
    if failure.code != "ST202":
        return True
    body = case.body
    if response.json()["code"] == "idempotency_key_reused":
        return "Idempotency-Key" not in (case.headers or {})
    errors = response.json().get("errors", ())
    if errors and all(
        error["field"].endswith("metadata") or error["detail"].startswith(("needs", "missing one"))
        for error in errors
    ):
        return False
    if response.json()["code"] == "same_account" and isinstance(body, dict):
        source, target = (body.get(f"{side}_account_id") for side in ("source", "target"))
        return source not in (None, target)  # A capture's source is its hold's account.
    return True
