"""A client that hangs up does not cut its call off between the work and the commit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.processes import (
    PATIENT,
    held,
    open_wallet,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.http.wire import Connection
from tests.support import databases
from tests.support.databases import Database, assert_sound
from tests.support.service import Service


@pytest.fixture(scope="module")
def patient(template: Database) -> Iterator[Service]:
    """A service that waits long for an account."""
    database = databases.create(template.server, template.name)
    with running(database, **PATIENT, WALLET_POOL_SIZE="10") as service:
        yield service
    databases.drop(database)


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
        # The service has noticed by the time that it answers another connection.
        assert client.get("/health/live").status_code == 200
        assert waiting(database) == 1, "the call was cut off"
    wait_until(lambda: payments(database, target) == 2, "the transfer is committed")
    assert client.get(f"/account/{source}").json()["balance"] == "98.50"
    assert client.get(f"/account/{target}").json()["balance"] == "101.50"
    with database.connect() as connection_:
        assert_sound(connection_)


def test_many_that_hang_up_leave_no_connection_behind(patient: Service) -> None:
    database, client = patient.database, patient.client
    id = open_wallet(client)
    with held(database, id):
        connections = [Connection(patient.port) for _ in range(10)]
        for connection in connections:
            connection.send(post(f"/account/{id}/payment", '{"amount":"1"}'))
        wait_until(lambda: waiting(database) == 10, "all of them wait")
        for connection in connections:
            connection.close(reset=True)
    wait_until(lambda: payments(database, id) == 11, "all of them are done")
    assert client.get(f"/account/{id}").json()["balance"] == "110.00"
    # The pool has ten connections: were one not given back, this would have to wait for it.
    for _ in range(20):
        assert client.get("/health/ready").status_code == 200
    with held(database, id):
        again = [Connection(patient.port) for _ in range(10)]
        for connection in again:
            connection.send(post(f"/account/{id}/payment", '{"amount":"1"}'))
        wait_until(lambda: waiting(database) == 10, "each of the ten connections is of use")
    for connection in again:
        assert connection.answer("POST", f"/account/{id}/payment").status_code == 201
        connection.close()


def test_a_transfer_whose_client_hung_up_is_refused_like_any_other(patient: Service) -> None:
    database, client = patient.database, patient.client
    source, target = open_wallet(client), open_wallet(client)
    members = f'{{"source_account_id":{source},"target_account_id":{target},"amount":"100.01"}}'
    with held(database, source), Connection(patient.port) as connection:
        connection.send(post("/transaction", members))
        wait_until(lambda: waiting(database) == 1, "the transfer waits for its account")
        connection.close()
    wait_until(lambda: waiting(database) == 0, "the transfer has ended")
    assert client.get(f"/account/{source}").json()["balance"] == "100.00"
    assert payments(database, target) == 1
    assert "Traceback" not in patient.log.read_text()


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
        assert client.get(f"/account/{id}").json()["balance"] == "101.00"
        assert "Traceback" not in service.log.read_text()
