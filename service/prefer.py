"""What a request would rather have: its Prefer headers, as RFC 7240 has them.

A preference that is unknown, or malformed, is as if it were not there: it is never an error. Of
one that is there several times the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from sanic import Request

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
# Commas and semicolons in a quoted string separate nothing. A string without an end goes to the
# end of the header: it makes its preference malformed, and no other of what stands in it.
_split = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.?)*+"?)++').findall
_is_preference = re.compile(
    rf"[ \t]*+({_TOKEN})[ \t]*+(?:=[ \t]*+({_TOKEN}|{_QUOTED})?[ \t]*+)?(?:;.*)?", re.DOTALL
).fullmatch
_is_seconds = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class Preferences(NamedTuple):
    """What this service heeds."""

    respond_async: bool
    """Rather an answer that the request is queued than a wait for what comes of it."""
    wait: Decimal | None
    """How many seconds to wait at the most; None when nobody said."""


def preferences(request: Request) -> Preferences:
    """The request's preferences."""
    headers = request.headers.getall("prefer", None)
    return read(headers) if headers else _NONE


_NONE = Preferences(False, None)


def read(headers: Iterable[str]) -> Preferences:
    """What Prefer headers say. Parameters are not looked at: what is heeded has none."""
    found: dict[str, str] = {}
    for header in headers:
        for text in _split(header):
            if preference := _is_preference(text):
                name, value = preference.groups(default="")
                if value.startswith('"'):
                    value = re.sub(r"\\(.)", r"\1", value[1:-1])
                found.setdefault(name.lower(), value)
    wait = found.get("wait", "")
    return Preferences(
        found.get("respond-async") == "",  # It has no value, and an empty one is none.
        Decimal(wait) if _is_seconds(wait) else None,
    )


def at_most(wait: Decimal, seconds: float) -> Decimal:
    """A wait that is no longer than so many seconds, in whole milliseconds."""
    return round(min(wait, Decimal(str(seconds))), 3)


def applied(wait: Decimal) -> str:
    """A wait as Preference-Applied says it: `wait=0.5`."""
    return f"wait={wait.normalize():f}"
