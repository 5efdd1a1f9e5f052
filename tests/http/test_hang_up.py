"""A client that hangs up does not cut its call off between the work and the commit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.processes import (
    PATIENT,
    balance,
    held,
    open_wallet,
    own_service,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.http.wire import Connection
from tests.support.databases import Database
from tests.support.service import Service


@pytest.fixture(scope="module")
def patient(template: Database) -> Iterator[Service]:
    """A service that waits long for an account."""
    with own_service(template, **PATIENT, WALLET_POOL_SIZE="10") as service:
        yield service
        assert "Traceback" not in service.log.read_text()


def post(path: str, body: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: wallet\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
def test_a_transfer_is_done_exactly_once_though_its_client_hung_up(
    patient: Service, way: str
) -> None:
    database, client = patient.database, patient.client
    source, target = open_wallet(client), open_wallet(client)
    members = f'{{"source_account_id":{source},"target_account_id":{target},"amount":"1.50"}}'
    with held(database, source), Connection(patient.port) as connection:
        connection.send(post("/transaction", members))
        wait_until(lambda: waiting(database) == 1, "the transfer waits for its account")
        if way == "half-close":
            connection.end()
        else:
            connection.close(reset=way == "reset")
        # By the time it answers another connection, the service has noticed.
        assert client.get("/health/live").status_code == 200
        assert waiting(database) == 1, "the call was cut off"
    wait_until(lambda: payments(database, target) == 2, "the transfer is committed")
    assert (balance(client, source), balance(client, target)) == ("98.50", "101.50")


def test_many_that_hang_up_leave_no_connection_behind(patient: Service) -> None:
    database, client = patient.database, patient.client
    id = open_wallet(client)
    for round_ in (1, 2):
        with held(database, id):
            connections = [Connection(patient.port) for _ in range(10)]
            for connection in connections:
                connection.send(post(f"/account/{id}/payment", '{"amount":"1"}'))
            # In the second round this shows that each connection was given back.
            wait_until(lambda: waiting(database) == 10, "all ten of the pool wait")
            for connection in connections:
                connection.close(reset=True)
        wait_until(lambda n=round_: payments(database, id) == 1 + 10 * n, "all are done")  # type: ignore[misc]
    assert balance(client, id) == "120.00"


def test_a_payment_that_still_waits_for_a_connection_is_not_begun(database: Database) -> None:
    with running(database, **PATIENT, WALLET_POOL_SIZE="1", WALLET_POOL_TIMEOUT="50") as service:
        client = service.client
        id = open_wallet(client)
        with Connection(service.port) as first, Connection(service.port) as second:
            with held(database, id):
                first.send(post(f"/account/{id}/payment", '{"amount":"1"}'))
                wait_until(lambda: waiting(database) == 1, "the first waits for its account")
                second.send(post(f"/account/{id}/payment", '{"amount":"10"}'))
                assert client.get("/health/live").status_code == 200
                second.close()
                assert client.get("/health/live").status_code == 200
            assert first.answer("POST", f"/account/{id}/payment").status_code == 201
        assert balance(client, id) == "101.00"
        assert "Traceback" not in service.log.read_text()
