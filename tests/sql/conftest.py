"""A database for each file: its tests find it with an empty ledger, and cost no clone each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import databases
from tests.support.databases import Database


@pytest.fixture(scope="module")
def clone(template: Database) -> Iterator[Database]:
    clone = databases.create(template.server, template.name)
    yield clone
    databases.drop(clone)


@pytest.fixture
def database(clone: Database) -> Database:
    """An empty ledger that counts from 1. What else a test makes here, it removes."""
    databases.empty(clone)
    return clone
