"""The preferences of a request: its Prefer headers (RFC 7240).

An unknown or malformed preference is ignored: it is never an error. If one is given several times,
the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from sanic import Request

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
# Commas and semicolons in a quoted string separate nothing. A string that is not closed goes to the
# end of the header: its preference is malformed, and the text in it is no other preference.
_split = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.?)*+"?)++').findall
_is_preference = re.compile(
    rf"[ \t]*+({_TOKEN})[ \t]*+(?:=[ \t]*+({_TOKEN}|{_QUOTED})?[ \t]*+)?(?:;.*)?", re.DOTALL
).fullmatch
_is_seconds = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class Preferences(NamedTuple):
    """The preferences that this service applies."""

    respond_async: bool
    """Whether to queue the request rather than let the client wait for its result."""
    wait: Decimal | None
    """The most seconds to wait; None if the request does not say."""
    fresh: bool = False
    """Whether to read what is committed now, not what a standby has of it."""


def preferences(request: Request) -> Preferences:
    """The request's preferences."""
    headers = request.headers.getall("prefer", None)
    return read(headers) if headers else _NONE


_NONE = Preferences(False, None)


def read(headers: Iterable[str]) -> Preferences:
    """Parse Prefer headers. Parameters are ignored: the preferences applied have none."""
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
        found.get("respond-async") == "",  # It takes no value; an empty one counts as none.
        Decimal(wait) if _is_seconds(wait) else None,
        found.get("fresh") == "",
    )


def at_most(wait: Decimal, seconds: float) -> Decimal:
    """The wait, but no longer than so many seconds, in whole milliseconds."""
    return round(min(wait, Decimal(str(seconds))), 3)


def applied(wait: Decimal) -> str:
    """A wait as Preference-Applied writes it: `wait=0.5`."""
    return f"wait={wait.normalize():f}"
