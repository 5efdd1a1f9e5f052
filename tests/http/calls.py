"""The routes by the function that each one calls, so that a test can ask both the same."""

from __future__ import annotations

from typing import Any

from httpx import Client, Response
from msgspec import json

from tests.support.service import JSON

# Method, path, and the members of the body; the argument that stands in the path comes first.
ROUTES = {
    "create_account": ("POST", "/account", "email"),
    "get_account": ("GET", "/account/{}"),
    "deposit": ("POST", "/account/{}/payment", "amount"),
    "withdraw": ("POST", "/account/{}/withdrawal", "amount"),
    "get_statement": ("GET", "/account/{}/transaction"),
    "hold": ("POST", "/account/{}/hold", "amount"),
    "get_holds": ("GET", "/account/{}/hold"),
    "set_limits": ("PUT", "/account/{}/limits", "minimum", "maximum"),
    "set_email": ("PUT", "/account/{}/email", "email"),
    "annotate_account": ("PUT", "/account/{}/annotation", "reference", "metadata"),
    "freeze_account": ("POST", "/account/{}/freeze"),
    "unfreeze_account": ("POST", "/account/{}/unfreeze"),
    "get_hold": ("GET", "/hold/{}"),
    "capture": ("POST", "/hold/{}/capture", "amount", "target_account_id", "final"),
    "release": ("POST", "/hold/{}/release"),
    "transfer": ("POST", "/transaction", "source_account_id", "target_account_id", "amount"),
    "get_transaction": ("GET", "/transaction/{}"),
    "reverse": ("POST", "/transaction/{}/reversal"),
    "cancel_pending": ("POST", "/transaction/{}/cancel"),
}
_encode = json.Encoder(decimal_format="number").encode


def ask(client: Client, function: str, *arguments: Any, **more: Any) -> Response:
    """Ask for what a function does; `more` are further members. None is left out of the body."""
    method, path, *names = ROUTES[function]
    members = list(arguments)
    if "{}" in path:
        path = path.format(members.pop(0))
    given = {**dict(zip(names, members, strict=False)), **more}
    body = {name: value for name, value in given.items() if value is not None}
    content = None if method == "GET" else _encode(body)
    return client.request(method, path, content=content, headers=JSON)
