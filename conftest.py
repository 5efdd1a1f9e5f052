"""The server, the databases and the service that tests use."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import DictRow

from tests.citus.skipped import SKIPPED
from tests.support import databases
from tests.support.databases import Database
from tests.support.servers import Server, chosen, make_server
from tests.support.service import Service

# The server fixture stops its container itself; the reaper would be one more image to pull.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def pytest_report_header() -> str:
    return f"database: {chosen()}"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server of WALLET_TEST_DATABASE; of several pytest workers each has one of its own."""
    server = make_server()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[Database]:
    """A database that Sqitch deployed. Nothing connects to it: it is cloned."""
    template = databases.create(server)
    databases.deploy(template)
    yield template
    databases.drop(template)


@pytest.fixture
def database(template: Database) -> Iterator[Database]:
    """A database with an empty ledger, for one test."""
    database = databases.create(template.server, template.name)
    yield database
    databases.drop(database)


@pytest.fixture
def admin(database: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """A superuser's autocommit connection to the test's database."""
    with database.connect() as connection:
        yield connection


@pytest.fixture
def app(database: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """An autocommit connection as wallet_app to the test's database."""
    with database.connect("wallet_app") as connection:
        yield connection


@pytest.fixture
def reader(database: Database) -> Iterator[psycopg.Connection[DictRow]]:
    """An autocommit connection as wallet_reader to the test's database."""
    with database.connect("wallet_reader") as connection:
        yield connection


@pytest.fixture(scope="session")
def service(template: Database) -> Iterator[Service]:
    """One real service for all tests, on a ledger of its own. Tests open accounts of their own."""
    database = databases.create(template.server, template.name)
    with Service(database) as service:
        yield service
    databases.drop(database)


# Begun last, any of these would leave all workers but one idle.
LONG = (
    "client/tests/test_payments.py",
    "tests/http/test_console.py",
    "tests/http/test_openapi.py",
    "tests/migrations/test_clusters.py",
    "tests/test_operations.py",
    "tests/test_run.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long.

    On Citus alone, which WALLET_CITUS_URL names, leave out what cannot hold there.
    Neither `make test` nor CI skips any of these. Each has its reason in tests/citus/skipped.py,
    and the skip shows it.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    for item in items if os.environ.get("WALLET_CITUS_URL") else []:
        for begins, reason in SKIPPED.items():
            if item.nodeid.startswith(begins):
                item.add_marker(pytest.mark.skip(reason=f"on Citus: {reason}"))
