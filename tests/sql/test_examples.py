"""The walkthroughs of sql/examples print what is recorded beside them."""

from __future__ import annotations

import re

import pytest

from tests.support.databases import Database
from tools.examples import EXAMPLES, play


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("[1-9]*.sql"))])
def test_a_walkthrough_prints_what_is_recorded(name: str, database: Database) -> None:
    example = EXAMPLES / f"{name}.sql"
    printed = play(example, database.environ())
    assert printed == example.with_suffix(".out").read_text(), "if it is right: make docs"

    # A ledger that is in use has other ids; what is refused, and how, stays the same.
    assert sqlstates(play(example, database.environ())) == sqlstates(printed)


def sqlstates(printed: str) -> list[str]:
    return re.findall(r"^(?:WL\d{3}|[0-9A-Z]{5})$", printed, re.MULTILINE)
