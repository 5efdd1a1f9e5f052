"""A client that holds each answer to what always holds, and wallets to try things with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from httpx import Client
from psycopg.rows import DictRow

from tests.http.answers import check
from tests.http.processes import PATIENT, OwnServer, open_wallet, own_database, own_service
from tests.support import databases
from tests.support.databases import Database
from tests.support.service import Service

Owner = psycopg.Connection[DictRow]
Wallet = Callable[..., int]


@pytest.fixture(scope="session")
def client(service: Service) -> Client:
    """A client of the service that all tests share."""
    service.client.event_hooks = {"response": [check]}
    return service.client


@pytest.fixture
def wallet(client: Client) -> Wallet:
    """Opens an account that holds so much, and returns its id."""

    def open(balance: str = "0.00") -> int:
        return open_wallet(client, balance)

    return open


@pytest.fixture(scope="session")
def owner(service: Service) -> Iterator[Owner]:
    """A superuser's autocommit connection to the shared service's database."""
    with service.database.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def psql(service: Service) -> Iterator[Owner]:
    """What a DBA has in psql as wallet_app, on the shared service's database."""
    with service.database.connect("wallet_app") as connection:
        yield connection


@pytest.fixture(scope="session")
def patient(template: Database) -> Iterator[Service]:
    """A service that waits long for whatever is held, and for a connection."""
    with own_service(template, **PATIENT, WALLET_POOL_TIMEOUT="50") as service:
        yield service
        assert "Traceback" not in service.log.read_text()


@pytest.fixture(scope="session")
def own_server() -> Iterator[tuple[OwnServer, Database]]:
    """A server with fsync on that tests may stop and crash, and a template on it."""
    with own_database() as (server, template):
        yield server, template


@pytest.fixture
def own(own_server: tuple[OwnServer, Database]) -> tuple[OwnServer, Database]:
    """That server, and a database with an empty ledger on it."""
    server, template = own_server
    return server, databases.create(server, template.name)
