"""A client that holds each answer to what always holds, and wallets to try things with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import check
from tests.support.service import Service

Wallet = Callable[..., int]


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[httpx.Client]:
    """A client of the service that all tests share."""
    with httpx.Client(
        base_url=service.url, timeout=60, event_hooks={"response": [check]}
    ) as client:
        yield client


@pytest.fixture
def wallet(client: httpx.Client) -> Wallet:
    """Opens an account that holds so much, and returns its id."""

    def open_wallet(balance: str = "0.00") -> int:
        response = client.post("/account", json={"email": "ada@example.com"})
        assert response.status_code == 201, response.text
        id: int = response.json()["id"]
        if balance != "0.00":
            paid = client.post(f"/account/{id}/payment", json={"amount": balance})
            assert paid.status_code == 201, paid.text
        return id

    return open_wallet


@pytest.fixture(scope="session")
def owner(service: Service) -> Iterator[psycopg.Connection[DictRow]]:
    """A superuser's autocommit connection to the shared service's database."""
    with service.database.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def psql(service: Service) -> Iterator[psycopg.Connection[DictRow]]:
    """What a DBA has in psql as wallet_app, on the shared service's database."""
    with service.database.connect("wallet_app") as connection:
        yield connection
