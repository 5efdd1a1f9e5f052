"""The guide: /guide, whose links and commands name the host that serves it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from service.codes import CODES, EVERYWHERE

WAYS = (
    ("way", "ask with", "answer", "choose it when"),
    (
        "at once",
        "no `Prefer`",
        "201 or the refusal",
        "the caller needs the outcome, and few ask for the same account at a time; a wait of over "
        "`WALLET_LOCK_TIMEOUT` is a 503",
    ),
    (
        "queued if busy",
        "`Prefer: respond-async, wait=0.5`",
        "201 or the refusal; 202 if an account stays busy that long",
        "some accounts are hot: only what collides there is queued, all else goes on in parallel",
    ),
    (
        "queued",
        "`Prefer: respond-async`",
        "202",
        "the caller need not wait, or bursts must be taken in faster than they can be made",
    ),
)
"""Three ways to deal with transfers that share an account, and the head of their table."""


def _text(text: str) -> str:
    """Text as HTML; what stands in backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str | None, tuple[str, ...]]]) -> str:
    """A table of rows, each with the id of its anchor."""
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        (f'<tr id="{id}">' if id else "<tr>")
        + "".join(f"<td>{_text(cell)}</td>" for cell in row)
        + "</tr>"
        for id, row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _page() -> str:
    head, *ways = WAYS
    codes = [
        (code.code, (f"`{code.code}`", str(code.status), code.meaning)) for code in CODES.values()
    ]
    page = (Path(__file__).parent / "pages/guide.html").read_text(encoding="utf-8")
    for name, text in (
        ("{ways}", _table(head, [(None, way) for way in ways])),
        ("{codes}", _table(("code", "status", "when"), codes)),
        ("{everywhere}", _text(", ".join(f"`{code}`" for code in EVERYWHERE))),
    ):
        page = page.replace(name, text)
    return page


_PAGE = _page()


def guide(base: str) -> bytes:
    """The page for a service at the address `base`, as UTF-8."""
    return _PAGE.replace("{base}", escape(base)).encode()
