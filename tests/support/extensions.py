"""Extensions that PostgreSQL itself does not bring; `make test15` has a server that has them."""

from __future__ import annotations

import pytest

from tests.support.databases import Database


def install(database: Database, name: str) -> None:
    """Make an extension in a test's database, or skip the test where the server has not got it."""
    available = "SELECT 1 FROM pg_available_extensions WHERE name = %s"
    if not database.execute(available, name):
        pytest.skip(f"{database.server.name} has no extension {name}: make test15")
    database.execute(f"CREATE EXTENSION {name}")
