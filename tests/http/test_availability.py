"""While the database is slow, full, read-only or away: 503, nothing by halves, back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.answers import check_form, problem
from tests.http.processes import (
    PATIENT,
    OwnServer,
    held,
    open_wallet,
    own_database,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.support.databases import Database, assert_sound


def transfer(client: httpx.Client, source: int, target: int) -> httpx.Response:
    return client.post(
        "/transaction",
        json={"source_account_id": source, "target_account_id": target, "amount": "1"},
    )


@pytest.mark.parametrize("setting", ["WALLET_LOCK_TIMEOUT", "WALLET_STATEMENT_TIMEOUT"])
def test_an_account_that_is_held_too_long_is_busy_and_nothing_is_done(
    database: Database, setting: str
) -> None:
    settings = {**PATIENT, setting: "0.1"}
    with running(database, **settings) as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with held(database, target):
            for response in (
                transfer(client, source, target),
                transfer(client, target, source),
                client.post(f"/account/{target}/payment", json={"amount": "1"}),
            ):
                assert "Nothing was done." in problem(response, "busy")["detail"]
                assert response.headers["Retry-After"] == "1"
            # Reading waits for nobody.
            assert client.get(f"/account/{target}").json()["balance"] == "100.00"
        assert client.get(f"/account/{source}").json()["balance"] == "100.00"
        assert payments(database, target) == 1
        assert transfer(client, source, target).status_code == 201
        with database.connect() as connection:
            assert_sound(connection)


def test_a_request_that_finds_no_connection_free_is_busy(database: Database) -> None:
    settings = {**PATIENT, "WALLET_POOL_SIZE": "1", "WALLET_POOL_TIMEOUT": "0.1"}
    with running(database, **settings) as service, ThreadPoolExecutor(1) as thread:
        id = open_wallet(service.client)
        with held(database, id):
            first = thread.submit(
                service.client.post, f"/account/{id}/payment", json={"amount": "1"}
            )
            wait_until(lambda: waiting(database) == 1, "the first payment waits for its account")
            for path in (f"/account/{id}", "/health/ready"):
                response = service.client.get(path)
                assert "Nothing was done." in problem(response, "busy")["detail"]
            assert service.client.get("/health/live").status_code == 200
        assert first.result().status_code == 201
        assert service.client.get(f"/account/{id}").json()["balance"] == "101.00"


def test_a_deadlock_with_somebody_else_s_transaction_is_busy(database: Database) -> None:
    with running(database, **PATIENT) as service, ThreadPoolExecutor(1) as thread:
        low, high = open_wallet(service.client), open_wallet(service.client)
        with database.connect() as stranger, stranger.transaction():
            # The stranger never looks for deadlocks, so it is the service's call that is ended.
            stranger.execute("SET LOCAL deadlock_timeout = '10min'")
            stranger.execute("SELECT FROM wallet.account WHERE id = %s FOR UPDATE", (high,))
            call = thread.submit(transfer, service.client, low, high)
            wait_until(lambda: waiting(database) == 1, "the transfer waits for the higher account")
            stranger.execute("SELECT FROM wallet.account WHERE id = %s FOR UPDATE", (low,))
            assert "Nothing was done." in problem(call.result(), "busy")["detail"]
        assert transfer(service.client, low, high).status_code == 201


def test_a_database_that_takes_no_more_connections_is_unavailable(database: Database) -> None:
    with running(database) as service:
        id = open_wallet(service.client)
        database.server.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
        end_connections(database)
        response = service.client.get(f"/account/{id}")
        while "Nothing was done." not in problem(response, "database_unavailable")["detail"]:
            response = service.client.get(
                f"/account/{id}"
            )  # This connection was still in the pool.
        database.server.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT -1")
        assert service.client.get(f"/account/{id}").status_code == 200


def end_connections(database: Database) -> None:
    """End the service's connections, as an administrator would."""
    database.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'wallet_app'"
    )


def test_a_call_whose_connection_is_ended_says_that_its_outcome_is_unknown(
    database: Database,
) -> None:
    with running(database, **PATIENT) as service, ThreadPoolExecutor(1) as thread:
        id = open_wallet(service.client)
        with held(database, id):
            call = thread.submit(
                service.client.post, f"/account/{id}/payment", json={"amount": "1"}
            )
            wait_until(lambda: waiting(database) == 1, "the payment waits for its account")
            end_connections(database)
            body = problem(call.result(), "database_unavailable")
            assert "Nothing was done." not in body["detail"]
        assert payments(database, id) == 1
        assert service.client.get(f"/account/{id}").json()["balance"] == "100.00"


def test_a_database_that_is_read_only_is_unavailable_for_writing(database: Database) -> None:
    def read_only(value: str) -> None:
        database.server.execute(
            f"ALTER ROLE wallet_app IN DATABASE {database.name}"
            f" SET default_transaction_read_only = {value}"
        )
        end_connections(database)

    with running(database) as service:
        id = open_wallet(service.client)
        read_only("on")
        wait_until(
            lambda: service.client.get(f"/account/{id}").status_code == 200,
            "the pool has new connections",
        )
        for _ in range(3):
            response = service.client.post(f"/account/{id}/payment", json={"amount": "1"})
            assert "Nothing was done." in problem(response, "database_unavailable")["detail"]
            problem(service.client.post("/account", json={"email": "a@b"}), "database_unavailable")
        assert payments(database, id) == 1
        # Only new connections hear of this: the service must have let go of the old ones.
        database.server.execute(
            f"ALTER ROLE wallet_app IN DATABASE {database.name} RESET default_transaction_read_only"
        )
        service.client.post(f"/account/{id}/payment", json={"amount": "1"})
        response = service.client.post(f"/account/{id}/payment", json={"amount": "1"})
        assert response.status_code == 201


def test_a_function_that_is_gone_is_an_internal_error_and_the_service_not_ready(
    database: Database, admin: psycopg.Connection[DictRow]
) -> None:
    with running(database) as service:
        id = open_wallet(service.client)
        service.client.event_hooks = {"response": [check_form]}
        admin.execute("REVOKE EXECUTE ON FUNCTION wallet.get_outcome(bigint) FROM wallet_app")
        body = problem(service.client.get("/transaction/1"), "internal_error")
        assert "hint" not in body
        problem(service.client.get("/health/ready"), "database_unavailable")
        admin.execute("DROP FUNCTION wallet.get_outcome(bigint)")
        problem(service.client.get("/transaction/1"), "internal_error")
        problem(service.client.get("/health/ready"), "database_unavailable")
        # What it did not tell the client it tells the log.
        assert "permission denied for function get_outcome" in service.log.read_text()
        assert service.client.get(f"/account/{id}").status_code == 200
        admin.execute("REVOKE USAGE ON SCHEMA wallet FROM wallet_app, PUBLIC")
        problem(service.client.get(f"/account/{id}"), "internal_error")
        problem(service.client.get("/health/ready"), "database_unavailable")


def gave_up(payers: list[Future[set[int]]]) -> bool:
    """Whether an answer was not what it should be; what was wrong with it comes with the result."""
    return any(payer.done() for payer in payers)


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[OwnServer, Database]]:
    with own_database() as own:
        yield own


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_that_goes_away_and_comes_back_is_found_again(
    own: tuple[OwnServer, Database], mode: str
) -> None:
    server, database = own
    with running(database) as service, ThreadPoolExecutor(4) as threads:
        wallets = [open_wallet(service.client) for _ in range(4)]
        answered = dict.fromkeys(wallets, 0)
        over = Event()

        def pay(id: int) -> set[int]:
            statuses: set[int] = set()
            while not over.is_set():
                response = service.client.post(f"/account/{id}/payment", json={"amount": "1"})
                statuses.add(response.status_code)
                if response.status_code == 201:
                    answered[id] += 1
                else:
                    problem(response, "database_unavailable")
            return statuses

        payers = [threads.submit(pay, id) for id in wallets]
        try:
            wait_until(lambda: min(answered.values()) > 20 or gave_up(payers), "payments are made")
            server.stop(mode)
            response = service.client.get(f"/account/{wallets[0]}")
            assert "Nothing was done." in problem(response, "database_unavailable")["detail"]
            problem(service.client.get("/health/ready"), "database_unavailable")
            assert service.client.get("/health/live").status_code == 200
            before = dict(answered)
            server.start()
            wait_until(
                lambda: all(answered[id] > before[id] + 20 for id in wallets) or gave_up(payers),
                "payments are made again",
            )
        finally:
            over.set()
        assert [payer.result() for payer in payers] == [{201, 503}] * len(wallets)
        assert service.client.get("/health/ready").status_code == 200
        for id in wallets:
            # open_wallet() paid once. What was answered with 503 may have been done as well.
            assert payments(database, id) >= 1 + answered[id]
        with database.connect() as connection:
            assert_sound(connection)
