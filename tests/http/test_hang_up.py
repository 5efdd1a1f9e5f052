"""A client that hangs up does not cut its call off between the work and the commit."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.http.line import counted, held_line, pay
from tests.http.processes import balance, held, open_wallet, payments, wait_until, waiting
from tests.http.test_metrics import scrape
from tests.http.wire import Connection, post
from tests.support.service import Service


@pytest.mark.parametrize("way", ["close", "reset", "half-close"])
def test_a_transfer_is_done_exactly_once_though_its_client_hung_up(
    patient: Service, way: str
) -> None:
    database, client = patient.database, patient.client
    source, target = open_wallet(client), open_wallet(client)
    members = {"source_account_id": source, "target_account_id": target, "amount": "1.50"}
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
    counted = {
        labels for name, labels in scrape(patient) if name == "pgwallet_request_seconds_count"
    }
    assert "POST /transaction 499" in counted
    assert not any(labels[-3:] == "500" for labels in counted)


def test_requests_that_have_not_begun_are_dropped_when_their_clients_hang_up(
    patient: Service,
) -> None:
    database, client = patient.database, patient.client
    id = open_wallet(client)
    with counted(database) as calls, held_line(patient) as line:
        # The call of a client that went away keeps its connection: nothing overtakes it.
        line.first.connection.close()
        stays, *others = line.send(pay(id), *[pay(id, "10")] * 9)
        for number, request in enumerate(others):
            request.connection.close(reset=bool(number % 2))
        line.notice()
        line.release()
        assert stays.answer().status_code == 201
        # What had begun is made, though its client went away.
        wait_until(lambda: payments(database, line.paid) == 1, "the first call is made")
    assert balance(client, id) == "101.00"
    assert calls == {"deposit": 2}
    with counted(database) as calls, ExitStack() as stack:
        with database.connect() as admin, admin.transaction():
            admin.execute("LOCK TABLE wallet.account")
            reads = [stack.enter_context(Connection(patient.port)) for _ in range(20)]
            for read in reads:
                read.send(f"GET /account/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            wait_until(lambda: waiting(database) == 4, "each connection for reads has a call")
            for read in reads:
                read.close()
            line.notice()
        assert balance(client, id) == "101.00"
    # Some of the four may not have ended yet.
    assert calls["get_account"] <= 4 + 1
