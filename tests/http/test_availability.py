"""While the database is slow, full, silent, read-only or away: 503, nothing by halves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from httpx import Client, Response

from tests.http.answers import check_form, problem
from tests.http.conftest import Owner
from tests.http.line import held_line
from tests.http.processes import (
    PATIENT,
    OwnServer,
    balance,
    held,
    open_wallet,
    own_service,
    payments,
    running,
    transfer,
    wait_until,
    waiting,
)
from tests.http.proxy import Proxy
from tests.support.databases import Database, assert_sound
from tests.support.service import Service


@pytest.fixture(scope="module")
def hasty(template: Database) -> Iterator[Service]:
    """A service that hardly waits for an account."""
    with own_service(template, **PATIENT | {"WALLET_LOCK_TIMEOUT": "0.1"}) as service:
        yield service


def pay(client: Client, id: int, **headers: str) -> Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/account/{id}/payment", json={"amount": "1"}, headers=headers)


def hold_to_nothing_done(response: Response, code: str) -> None:
    assert "Nothing was done." in problem(response, code)["detail"]
    assert response.headers["Retry-After"] == "1"


def test_an_account_that_is_held_too_long_is_busy_and_nothing_is_done(hasty: Service) -> None:
    client, database = hasty.client, hasty.database
    source, target, other = (open_wallet(client) for _ in range(3))
    items = [
        {"source_account_id": a, "target_account_id": b, "amount": "1"}
        for a, b in ((source, other), (other, target))
    ]
    with held(database, target):
        for response in (
            transfer(client, source, target),
            transfer(client, target, source),
            pay(client, target),
            pay(client, target, Idempotency_Key="k"),
            client.post("/transaction/batch", json={"transfers": items, "atomic": False}),
        ):
            hold_to_nothing_done(response, "busy")
        # Reading waits for nobody.
        assert [balance(client, id) for id in (source, target, other)] == ["100.00"] * 3
    assert payments(database, target) == 1
    assert transfer(client, source, target).status_code == 201
    # The key was not used up.
    first, again = (pay(client, target, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, "Idempotency-Replayed" in first.headers) == (201, False)
    assert again.json() == first.json()
    assert payments(database, target) == 3


def test_a_request_that_waits_too_long_for_its_twin_is_busy(hasty: Service) -> None:
    client, database = hasty.client, hasty.database
    id = open_wallet(client)
    with database.connect("wallet_app") as twin, twin.transaction(force_rollback=True):
        twin.execute("SELECT wallet.deposit(%s, 1, 'twin')", (id,))
        hold_to_nothing_done(pay(client, id, Idempotency_Key="twin"), "busy")
    assert payments(database, id) == 1
    assert pay(client, id, Idempotency_Key="twin").status_code == 201


def test_a_call_that_takes_too_long_and_one_that_finds_no_connection_are_busy(
    database: Database,
) -> None:
    settings = {
        **PATIENT,
        "WALLET_STATEMENT_TIMEOUT": "3",
        "WALLET_POOL_SIZE": "5",  # One connection for reads.
        "WALLET_POOL_TIMEOUT": "0.5",
    }
    with running(database, **settings) as service, ThreadPoolExecutor(1) as thread:
        client = service.client
        id = open_wallet(client)
        with database.connect() as admin, admin.transaction():
            admin.execute("LOCK TABLE wallet.account")
            first = thread.submit(client.get, f"/account/{id}")
            wait_until(lambda: waiting(database) == 1, "the first read waits")
            for path in (f"/account/{id}", "/health/ready"):
                hold_to_nothing_done(client.get(path), "busy")
            assert client.get("/health/live").status_code == 200
            hold_to_nothing_done(first.result(), "busy")
        with held_line(service):
            hold_to_nothing_done(pay(client, id), "busy")
        assert balance(client, id) == "100.00"
        assert pay(client, id).status_code == 201


def end_connections(database: Database) -> None:
    """End the service's connections, as an administrator would."""
    database.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'wallet_app'"
    )


def test_a_database_that_is_read_only_is_unavailable_for_writing(patient: Service) -> None:
    client, database = patient.client, patient.database
    role = f"ALTER ROLE wallet_app IN DATABASE {database.name}"
    id = open_wallet(client)
    database.server.execute(f"{role} SET default_transaction_read_only = on")
    end_connections(database)
    wait_until(lambda: client.get(f"/account/{id}").status_code == 200, "there are new connections")
    for response in (pay(client, id), client.post("/account", json={"email": "a@b"})):
        hold_to_nothing_done(response, "database_unavailable")
    assert payments(database, id) == 1
    database.server.execute(f"{role} RESET default_transaction_read_only")
    # Only a new connection hears of it: the service must drop those that were read-only.
    pay(client, id)
    assert pay(client, id).status_code == 201


def test_a_function_that_is_gone_is_an_internal_error_and_the_service_not_ready(
    database: Database, admin: Owner
) -> None:
    function = "FUNCTION wallet.describe_transaction(bigint)"
    with running(database) as service:
        client = service.client
        id = open_wallet(client)
        client.event_hooks = {"response": [check_form]}
        for broken, mended in (
            (f"REVOKE EXECUTE ON {function} FROM wallet_app",
             f"GRANT EXECUTE ON {function} TO wallet_app"),
            (f"ALTER {function} RENAME TO gone",
             "ALTER FUNCTION wallet.gone(bigint) RENAME TO describe_transaction"),
            ("REVOKE USAGE ON SCHEMA wallet FROM wallet_app, PUBLIC",
             "GRANT USAGE ON SCHEMA wallet TO wallet_app"),
        ):  # fmt: skip
            admin.execute(broken.encode())
            assert "hint" not in problem(client.get("/transaction/1"), "internal_error")
            problem(client.get("/health/ready"), "database_unavailable")
            admin.execute(mended.encode())
            assert client.get("/health/ready").status_code == 200
            assert client.get(f"/account/{id}").status_code == 200
        # The log has what the client was not told.
        assert "permission denied for function describe_transaction" in service.log.read_text()


def test_an_error_of_postgresql_says_whether_anything_was_done(
    database: Database, admin: Owner
) -> None:
    nothing, perhaps, neither = "Nothing was done.", "may have taken effect", "unexpected"
    with running(database) as service:
        service.client.event_hooks = {"response": [check_form]}
        for code, said, sqlstates in (
            ("busy", nothing, ("55P03", "57014", "40001", "40P01")),
            ("database_unavailable", nothing, ("25006", "53100", "53300", "57P03", "58030")),
            ("database_unavailable", perhaps, ("08006", "57P01", "57P02", "57P05")),
            ("internal_error", neither, ("22003", "42883", "P0001", "XX000", "WL999")),
        ):
            for sqlstate in sqlstates:
                admin.execute(
                    "CREATE OR REPLACE FUNCTION wallet.get_account(id bigint)"
                    " RETURNS wallet.account LANGUAGE plpgsql AS"
                    f" $$ BEGIN RAISE 'SELECT' USING ERRCODE = '{sqlstate}'; END $$".encode()
                )
                assert said in problem(service.client.get("/account/1"), code)["detail"], sqlstate


def test_when_one_connection_falls_silent_those_that_are_older_are_not_used(
    database: Database,
) -> None:
    hasty = {"WALLET_STATEMENT_TIMEOUT": "1", "WALLET_POOL_TIMEOUT": "1"}
    hasty["WALLET_LOCK_TIMEOUT"] = "10"  # A call is lost before it is in doubt.
    with (
        Proxy(database) as proxy,
        running(database, WALLET_DATABASE_URL=proxy.url, **hasty) as service,
        database.connect("wallet_app") as bystander,
    ):
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        batch = {"transfers": [], "atomic": False}
        calls: list[Callable[[], Response]] = [
            lambda: client.get(f"/account/{source}"),
            lambda: transfer(client, source, target),
            lambda: client.post("/account", json={"email": "ada@example.com"}),
            lambda: client.post("/transaction/batch", json=batch),
        ]
        assert all(call().status_code < 300 for call in calls)
        proxy.fall_silent()
        problem(calls[0](), "database_unavailable")
        for call in calls:
            assert call().status_code < 300
        # Whoever looks for what is left of those connections ends nobody else's.
        assert bystander.execute("SELECT 1").fetchall() != []
        assert client.get(f"/account/{source}").status_code == 200
        log = service.log.read_text().splitlines()
        (line,) = [line for line in log if "a connection to the database was lost" in line]
        assert line.endswith("TimeoutError: no answer in 6 s")
        # While the server lets nobody in, few try, and the others have their answer at once.
        proxy.cut()
        proxy.is_deaf = True
        assert client.get("/health/live").status_code == 200  # By now it has noticed the cut.
        opened = proxy.connections
        for _ in range(20):
            hold_to_nothing_done(calls[0](), "database_unavailable")
        assert proxy.connections < opened + 20
        assert "cannot connect to the database: TimeoutError" in service.log.read_text()
        proxy.is_deaf = False
        wait_until(lambda: calls[0]().status_code == 200, "it is let in again")


def test_commits_that_wait_for_a_standby_do_not_take_more_connections(
    own: tuple[OwnServer, Database],
) -> None:
    server, database = own
    # The queue worker's commit may wait as well.
    unknown, waits = (
        "may have taken effect",
        "application_name = 'pgwallet' AND wait_event = 'SyncRep'",
    )
    settings = {"WALLET_POOL_SIZE": "5", "WALLET_STATEMENT_TIMEOUT": "0.5"}

    def wait_for_standby(names: str) -> None:
        server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        server.execute("SELECT pg_reload_conf()")

    with running(database, **settings) as service, ThreadPoolExecutor(8) as threads:
        ids = [open_wallet(service.client) for _ in range(4)]
        with database.connect() as admin:

            def count(condition: str) -> int:
                rows = admin.execute(
                    f"SELECT count(*) FROM pg_stat_activity WHERE {condition}".encode()
                )
                return int(rows.fetchall()[0]["count"])

            wait_for_standby("nobody")
            try:
                # If a DBA cuts the wait short, the commit counts as done, on this server alone.
                call = threads.submit(pay, service.client, ids[0], Idempotency_Key="cut")
                wait_until(lambda: count(waits) == 1, "the commit waits")
                admin.execute(f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE {waits}")
                assert unknown in problem(call.result(), "database_unavailable")["detail"]
                # What comes next on its connection, and needs no commit, has an answer.
                problem(pay(service.client, 2**63 - 1), "account_not_found")

                def keep_asking(number: int) -> list[str]:
                    with Client(base_url=service.url, timeout=30, verify=False) as client:
                        keys = [f"{number}-{n}" for n in range(40)]
                        for n, key in enumerate(keys):
                            if n % 2:
                                answer = pay(client, ids[number % 4], Idempotency_Key=key)
                            else:
                                headers, body = {"Idempotency-Key": key}, {"email": "ada@b.c"}
                                answer = client.post("/account", json=body, headers=headers)
                            assert answer.status_code == 503, answer.text
                        return keys

                opened = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
                before = database.execute(opened)[0]["sessions"]
                asked = [threads.submit(keep_asking, number) for number in range(8)]
                most = 0
                while not all(one.done() for one in asked):
                    most = max(most, count("usename = 'wallet_app'"))
                # The queue worker has one, and each of the two may look what has become of others.
                assert most <= 5 + 1 + 2
                assert count(waits) > 0
                # They do not look for each of the 320 calls.
                assert database.execute(opened)[0]["sessions"] < before + 100
            finally:
                wait_for_standby("")
        wait_until(lambda: pay(service.client, ids[0]).status_code == 201, "it pays again")
        keys = [key for one in asked for key in one.result() if int(key[2:]) % 2]
        for key in ["cut", *keys]:
            id = ids[0 if key == "cut" else int(key[0]) % 4]
            wait_until(
                lambda i=id, k=key: pay(service.client, i, Idempotency_Key=k).status_code == 201,  # type: ignore[misc]
                "each of them is done",
            )
        assert sum(payments(database, id) for id in ids) == len(ids) + 1 + len(keys) + 1
        with database.connect() as connection:
            assert_sound(connection)
