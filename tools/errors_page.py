"""Writes docs/errors.md from the service's table of codes: `python -m tools.errors_page`."""

from __future__ import annotations

from collections.abc import Iterable

from service.codes import CODES
from tools.embedded import CHECKOUT

PATH = CHECKOUT / "docs/errors.md"

_PAGE = """# Errors

<!-- Written by `make docs` from service/codes.py. -->

A refusal in SQL has a SQLSTATE, a fixed message, the data in DETAIL and what to do in HINT. Over
HTTP it is `application/problem+json` with the same words as `title`, `detail` and `hint`, and the
`code` below. If several refusals apply, the first in this list is the answer, with two exceptions:
WL011 comes before all others, and `reverse()` checks in the order WL005, WL010, WL009, WL006,
WL007, WL008.

{refusals}

A refusal is raised, except for an item of a batch and for a queued transfer: their result has the
state `failed`, with the same SQLSTATE, message, detail and hint.

A DBA can also meet these SQLSTATEs:

| SQLSTATE | when |
| --- | --- |
| 22023 | a page size, an interval, a `wait`, a `max_items` or a key's part is out of range |
| 54000 | there are 1000 valid API keys already |
| 23514 | a value breaks a column's rule; the message names the domain and its constraint |
| 42501 | the role has no right to a function or a table, or somebody tries to change history |
| 55P03 | `lock_timeout` is set, and an account stayed locked for longer |

Over HTTP there are also these codes:

{service}
"""


def page() -> str:
    """The text of docs/errors.md."""
    refusals = [code for code in CODES.values() if code.sqlstate]
    service = [code for code in CODES.values() if not code.sqlstate]
    return _PAGE.format(
        refusals=_table(
            ("SQLSTATE", "code", "status", "when"),
            ((str(c.sqlstate), c.code, str(c.status), c.meaning) for c in refusals),
        ),
        service=_table(
            ("code", "status", "when"), ((c.code, str(c.status), c.meaning) for c in service)
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PATH.write_text(page())
