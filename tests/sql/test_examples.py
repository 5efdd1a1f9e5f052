"""The walkthroughs of sql/examples print what is recorded beside them."""

from __future__ import annotations

import pytest

from tests.support.databases import Database
from tools.examples import EXAMPLES, play


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.sql"))])
def test_a_walkthrough_prints_what_is_recorded(name: str, database: Database) -> None:
    example = EXAMPLES / f"{name}.sql"
    printed = play(example, database.environ())
    assert printed == example.with_suffix(".out").read_text(), "if it is right: make docs"
