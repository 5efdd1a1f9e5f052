"""Two sessions of wallet_app: one that holds locks, one that comes to wait for them.

As in tests/sql, the tests of a file share a database.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sql.conftest import clone as clone
from tests.sql.conftest import database as database
from tests.support.calls import Connection
from tests.support.databases import Database


@pytest.fixture
def holding(database: Database) -> Iterator[Connection]:
    """Its first call opens a transaction, which lasts until commit() or rollback()."""
    with database.connect("wallet_app") as connection:
        connection.autocommit = False
        yield connection
        if not connection.closed:  # as it is once its backend was killed
            connection.rollback()


@pytest.fixture
def waiting(database: Database) -> Iterator[Connection]:
    """Autocommit. It gives up after a minute, so that a test that fails also ends."""
    with database.connect("wallet_app") as connection:
        connection.execute("SET lock_timeout = '60s'")
        yield connection
