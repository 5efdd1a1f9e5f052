"""A transfer that is queued: answered at once, processed later, and read all the while."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from httpx import Client, Response

from tests.http.answers import TIME, problem
from tests.http.conftest import Owner, Wallet
from tests.http.processes import (
    PATIENT,
    balance,
    held,
    open_wallet,
    pending,
    queue_stopped,
    running,
    transfer,
    wait_until,
    waiting,
)
from tests.http.wire import Connection
from tests.support.databases import Database, assert_sound
from tests.support.service import Service

NOBODY = 2**63 - 1
QUEUED = "respond-async"


def accepted(response: Response, applied: str | None = QUEUED) -> dict[str, Any]:
    """Hold an answer to be a transaction that is queued, and return it."""
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["state"]) == (202, "pending"), body
    assert response.headers["Location"] == f"/transaction/{body['id']}"
    assert response.headers.get("Preference-Applied") == applied
    assert "failure" not in body
    return body


def processed(client: Client, queued: dict[str, Any]) -> dict[str, Any]:
    """What became of a transaction that was queued."""
    response = client.get(f"/transaction/{queued['id']}", headers={"Prefer": "wait=30"})
    assert response.headers["Preference-Applied"] == "wait=30"
    body: dict[str, Any] = response.json()
    assert body["state"] != "pending", "it was not processed in time"
    same = ("id", "source_account_id", "target_account_id", "amount")
    assert [body[name] for name in same] == [queued[name] for name in same]
    assert body["ctime"] >= body["queued_at"] == queued["ctime"]
    return body


def test_a_transfer_is_queued_then_done_and_has_one_id_all_the_while(patient: Service) -> None:
    client = patient.client
    source, target = open_wallet(client), open_wallet(client)
    with queue_stopped(patient.database):
        queued = accepted(transfer(client, source, target, "1.495", Prefer=QUEUED))
        assert queued == {
            "id": queued["id"],
            "source_account_id": source,
            "target_account_id": target,
            "amount": "1.50",
            "ctime": queued["ctime"],
            "state": "pending",
            "actor": "wallet_app",
            "kind": "transfer",
            "queued_at": queued["ctime"],
        }
        assert TIME.fullmatch(queued["ctime"])
        assert client.get(f"/transaction/{queued['id']}").json() == queued
        assert balance(client, source) == "100.00"
        # What moves money at once goes on meanwhile.
        assert transfer(client, source, target).status_code == 201
    assert processed(client, queued)["state"] == "succeeded"
    assert (balance(client, source), balance(client, target)) == ("97.00", "103.00")


def test_a_transfer_that_fails_says_why(patient: Service) -> None:
    client = patient.client
    source, target = open_wallet(client), open_wallet(client)
    refused = problem(transfer(client, source, target, "100.01"), "insufficient_funds")
    queued = accepted(transfer(client, source, target, "100.01", Prefer=QUEUED))
    failed = processed(client, queued)
    assert failed["state"] == "failed"
    assert failed["failure"] == {"code": "insufficient_funds", "detail": refused["detail"]}
    # It is no transaction that could be reversed.
    problem(client.post(f"/transaction/{failed['id']}/reversal", json={}), "transaction_not_found")
    assert balance(client, source) == "100.00"


def test_what_is_wrong_at_first_sight_is_refused_as_ever(client: Client, wallet: Wallet) -> None:
    known, other = wallet("1.00"), wallet()
    for preferred in (QUEUED, "respond-async, wait=1"):
        for arguments, code in (
            ((known, other, "0"), "invalid_amount"),
            ((known, known, "1"), "same_account"),
            ((NOBODY, known, "1"), "account_not_found"),
            ((known, NOBODY, "1"), "account_not_found"),
            ((0, NOBODY, "1"), "invalid_request"),
        ):
            response = transfer(client, *arguments, Prefer=preferred)
            body = problem(response, code)
            assert "Preference-Applied" not in response.headers
            without = problem(transfer(client, *arguments), code)
            assert {**body, "instance": None} == {**without, "instance": None}


def test_a_transfer_whose_accounts_are_free_is_done_at_once(client: Client, wallet: Wallet) -> None:
    source, target = wallet("5.00"), wallet()
    for preferred, applied in (
        ("respond-async, wait=0", "wait=0"),
        ("respond-async, wait=0.5", "wait=0.5"),
        ("wait=5", None),
        ("return=minimal", None),
    ):
        response = transfer(client, source, target, "1", Prefer=preferred)
        assert (response.status_code, response.json()["state"]) == (201, "succeeded")
        assert response.headers.get("Preference-Applied") == applied
        assert client.get(response.headers["Location"]).json() == response.json()
    refused = transfer(client, source, target, "5", Prefer="respond-async, wait=0")
    problem(refused, "insufficient_funds")
    assert balance(client, target) == "4.00"


def test_a_transfer_whose_accounts_are_busy_is_queued_after_the_wait(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    for held_account, seconds in ((source, "0"), (target, "0.05")):
        with held(database, held_account):
            response = transfer(client, source, target, Prefer=f"respond-async, wait={seconds}")
            queued = accepted(response, f"respond-async, wait={seconds}")
        assert processed(client, queued)["state"] == "succeeded"
    with ThreadPoolExecutor(1) as thread:
        with held(database, target):
            call = thread.submit(transfer, client, source, target, Prefer="respond-async, wait=30")
            wait_until(lambda: waiting(database) == 1, "the transfer waits for its account")
        response = call.result()
    assert (response.status_code, response.headers["Preference-Applied"]) == (201, "wait=30")
    assert balance(client, source) == "95.50"


def test_a_wait_is_no_longer_than_a_call_may_take(database: Database) -> None:
    settings = {"WALLET_STATEMENT_TIMEOUT": "2", "WALLET_POOL_TIMEOUT": "1"}
    with running(database, **settings) as service, ThreadPoolExecutor(30) as threads:
        source, target = open_wallet(service.client), open_wallet(service.client)

        def ask(_: int) -> Response:
            return transfer(service.client, source, target, Prefer="respond-async, wait=60")

        # More than there are connections to wait on.
        with held(database, source):
            queued = [
                accepted(response, "respond-async, wait=1.6")
                for response in threads.map(ask, range(30))
            ]
        for one in queued:
            assert processed(service.client, one)["state"] == "succeeded"


def test_every_transfer_can_be_queued_and_all_else_stays_as_it_is(
    database: Database, admin: Owner
) -> None:
    with running(database, **PATIENT, WALLET_QUEUE="all") as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with queue_stopped(database):
            queued = [
                accepted(transfer(client, source, target, "1", Prefer=preferred), applied)
                for preferred, applied in (
                    ("", None),
                    (QUEUED, QUEUED),
                    ("respond-async, wait=5", QUEUED),
                    ("wait=5", None),
                )
            ]
            first, again = (
                transfer(client, source, target, "1", Idempotency_Key="k") for _ in range(2)
            )
            queued.append(accepted(first, None))
            assert again.content == first.content
            assert again.headers["Idempotency-Replayed"] == "true"
            assert pending(database) == 5
            problem(transfer(client, source, source), "same_account")
            body = {"source_account_id": source, "target_account_id": target, "amount": "1"}
            paid = client.post(f"/account/{source}/payment", json={"amount": "1"}).json()
            batch = {"transfers": [body], "atomic": True}
            for done in (
                paid,
                client.post(f"/account/{source}/withdrawal", json={"amount": "1"}).json(),
                client.post(f"/transaction/{paid['id']}/reversal", json={}).json(),
                client.post("/transaction/batch", json=batch).json()["results"][0],
            ):
                assert done["state"] == "succeeded"
        assert {processed(client, one)["state"] for one in queued} == {"succeeded"}
        assert balance(client, target) == "106.00"
        assert_sound(admin)


def test_a_get_waits_while_it_is_pending_and_no_longer(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with ThreadPoolExecutor(1) as thread:
        with queue_stopped(database):
            queued = accepted(transfer(client, source, target, Prefer=QUEUED))
            path = f"/transaction/{queued['id']}"
            for seconds in ("0", "0.05"):
                response = client.get(path, headers={"Prefer": f"wait={seconds}"})
                assert (response.status_code, response.json()) == (200, queued)
                assert response.headers["Preference-Applied"] == f"wait={seconds}"
            call = thread.submit(processed, client, queued)
            # It has looked, and goes on waiting.
            assert client.get(path).json() == queued
            assert not call.done()
        done = call.result()
    assert done["state"] == "succeeded"
    response = client.get(path, headers={"Prefer": "wait=1000"})
    assert (response.json(), response.headers["Preference-Applied"]) == (done, "wait=30")
    for path in (f"/transaction/{NOBODY}", "/transaction/0"):
        response = client.get(path, headers={"Prefer": "wait=1000"})
        problem(response, "transaction_not_found")
        assert "Preference-Applied" not in response.headers


def get_and_wait(connection: Connection, id: int) -> None:
    lines = b"Host: localhost\r\nPrefer: wait=30\r\n\r\n"
    connection.send(b"GET /transaction/%d HTTP/1.1\r\n" % id + lines)


def looked(database: Database) -> bool:
    """Whether the service has asked the database anything in the last second."""
    rows = database.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'pgwallet' AND query_start > clock_timestamp() - interval '1 s'"
    )
    return bool(rows)


def test_a_get_that_waits_holds_no_connection_and_ends_with_its_client_or_the_service(
    database: Database,
) -> None:
    settings = {
        **PATIENT,
        "WALLET_POOL_SIZE": "5",
        "WALLET_POOL_TIMEOUT": "10",
        # A shutdown that waits for its time to be over must not pass.
        "WALLET_SHUTDOWN_TIMEOUT": "600",
    }
    with running(database, **settings) as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        connections = [Connection(service.port) for _ in range(20)]
        with queue_stopped(database), ThreadPoolExecutor(1) as thread:
            queued = accepted(transfer(client, source, target, Prefer=QUEUED))
            for connection in connections:
                get_and_wait(connection, queued["id"])
            for _ in range(20):
                assert transfer(client, source, target, "0.01").status_code == 201
            for number, connection in enumerate(connections):
                connection.close(reset=bool(number % 2))
            # Else it would look four times a second, for half a minute.
            wait_until(lambda: not looked(database), "nobody looks any more")
            with Connection(service.port) as connection:
                get_and_wait(connection, queued["id"])
                assert client.get(f"/transaction/{queued['id']}").json() == queued
                stopped = thread.submit(service.stop)
                response = connection.answer("GET", f"/transaction/{queued['id']}")
            assert (response.status_code, response.json()) == (200, queued)
            assert response.headers["Connection"] == "close"
            # The queue worker's call in flight is waited for.
            assert service.process.poll() is None
            database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
            stopped.result()
        assert service.process.returncode == 0
        assert "Traceback" not in service.log.read_text()
