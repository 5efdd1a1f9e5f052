"""Databases for migrations, on a cluster that has seen no wallet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support import databases
from tests.support.databases import Database
from tests.support.servers import APP_PASSWORD, Server, make_server

DEPLOYERS = ("wallet_deployer", "wallet_other_deployer")


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Server]:
    server = make_server()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cluster(_cluster: Server) -> Iterator[Server]:
    """A further server, without the wallet's roles, for tests that look at roles."""
    yield _cluster
    for role in ("wallet_app", "wallet_reader", "wallet_owner", *DEPLOYERS):
        _cluster.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture
def new_database(cluster: Server) -> Iterator[Callable[[], Database]]:
    """Makes empty databases on the cluster."""
    made: list[Database] = []

    def create() -> Database:
        made.append(databases.create(cluster))
        return made[-1]

    yield create
    for database in made:
        databases.drop(database)


@pytest.fixture
def deployers(cluster: Server) -> tuple[str, ...]:
    """Two roles who may make roles and databases, and are no superusers."""
    for role in DEPLOYERS:
        cluster.execute(f"CREATE ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD '{APP_PASSWORD}'")
    return DEPLOYERS
