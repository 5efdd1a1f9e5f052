"""A transfer that is queued: answered at once, settled later, and read all the while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.concurrency.test_transfers import deadlocks
from tests.http.answers import TIME, problem
from tests.http.conftest import Wallet
from tests.http.processes import (
    PATIENT,
    held,
    open_wallet,
    pending,
    running,
    unsettled,
    wait_until,
    waiting,
)
from tests.http.wire import Connection
from tests.support import databases
from tests.support.databases import Database, assert_sound
from tests.support.service import Service
from tests.support.threads import together

NOBODY = 2**63 - 1
QUEUED = "respond-async"


@pytest.fixture(scope="module")
def patient(template: Database) -> Iterator[Service]:
    """A service that waits long for whatever is held."""
    database = databases.create(template.server, template.name)
    with running(database, **PATIENT) as service:
        yield service
        with database.connect() as connection:
            assert_sound(connection)
    databases.drop(database)


def transfer(
    client: httpx.Client, source: int, target: int, amount: object = "1.50", **headers: str
) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"source_account_id": source, "target_account_id": target, "amount": amount}
    return client.post("/transaction", json=body, headers=headers)


def accepted(response: httpx.Response, heeded: str | None) -> dict[str, Any]:
    """Hold an answer to be a transaction that is queued, and return it."""
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["state"]) == (202, "pending"), body
    assert response.headers["Location"] == f"/transaction/{body['id']}"
    assert response.headers.get("Preference-Applied") == heeded
    assert "failure" not in body
    return body


def settled(client: httpx.Client, queued: dict[str, Any]) -> dict[str, Any]:
    """What became of a transaction that was queued."""
    response = client.get(f"/transaction/{queued['id']}", headers={"Prefer": "wait=30"})
    assert response.headers["Preference-Applied"] == "wait=30"
    body: dict[str, Any] = response.json()
    assert body["state"] != "pending", "it was not settled in time"
    same = ("id", "source_account_id", "target_account_id", "amount")
    assert [body[name] for name in same] == [queued[name] for name in same]
    assert body["ctime"] >= queued["ctime"]
    return body


def balance(client: httpx.Client, id: int) -> str:
    return str(client.get(f"/account/{id}").json()["balance"])


def test_a_transfer_is_queued_then_settled_and_has_one_id_all_the_while(patient: Service) -> None:
    client = patient.client
    source, target = open_wallet(client), open_wallet(client)
    with unsettled(patient.database):
        queued = accepted(transfer(client, source, target, "1.495", Prefer=QUEUED), QUEUED)
        assert queued == {
            "id": queued["id"],
            "source_account_id": source,
            "target_account_id": target,
            "amount": "1.50",
            "ctime": queued["ctime"],
            "state": "pending",
        }
        assert TIME.fullmatch(queued["ctime"])
        assert client.get(f"/transaction/{queued['id']}").json() == queued
        assert balance(client, source) == "100.00"
        # What moves money at once goes on meanwhile.
        assert transfer(client, source, target).status_code == 201
    assert settled(client, queued)["state"] == "succeeded"
    assert (balance(client, source), balance(client, target)) == ("97.00", "103.00")


def test_a_transfer_that_comes_to_nothing_says_why(patient: Service) -> None:
    client = patient.client
    source, target = open_wallet(client), open_wallet(client)
    refused = problem(transfer(client, source, target, "100.01"), "insufficient_funds")
    failed = settled(
        client, accepted(transfer(client, source, target, "100.01", Prefer=QUEUED), QUEUED)
    )
    assert failed["state"] == "failed"
    assert failed["failure"] == {"code": "insufficient_funds", "detail": refused["detail"]}
    assert balance(client, source) == "100.00"
    # It is no transaction that could be taken back.
    problem(client.post(f"/transaction/{failed['id']}/reversal"), "transaction_not_found")


def test_a_transfer_that_is_cancelled_says_so(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with unsettled(database):
        queued = accepted(transfer(client, source, target, Prefer=QUEUED), QUEUED)
        database.execute("SELECT wallet.cancel_pending(%s)", queued["id"])
    assert settled(client, queued)["failure"]["code"] == "cancelled"
    assert balance(client, source) == "100.00"


@pytest.mark.parametrize("preferred", [QUEUED, "respond-async, wait=1", "wait=1", "foo"])
def test_what_is_wrong_at_first_sight_is_refused_as_ever(
    client: httpx.Client, wallet: Wallet, preferred: str
) -> None:
    known = wallet("1.00")
    for arguments, code in (
        ((known, wallet(), "0"), "invalid_amount"),
        ((known, wallet(), "1e2"), "invalid_amount"),
        ((known, known, "1"), "same_account"),
        ((NOBODY, known, "1"), "account_not_found"),
        ((known, NOBODY, "1"), "account_not_found"),
        ((0, NOBODY, "1"), "invalid_request"),
    ):
        with_preference = transfer(client, *arguments, Prefer=preferred)
        body = problem(with_preference, code)
        assert "Preference-Applied" not in with_preference.headers
        without = problem(transfer(client, *arguments), code)
        assert {**body, "instance": None} == {**without, "instance": None}


def test_a_transfer_whose_accounts_are_free_is_done_at_once(
    client: httpx.Client, wallet: Wallet
) -> None:
    source, target = wallet("5.00"), wallet()
    for seconds in ("0", "0.5", "2"):
        response = transfer(client, source, target, "1", Prefer=f"respond-async, wait={seconds}")
        assert (response.status_code, response.json()["state"]) == (201, "succeeded")
        assert response.headers["Preference-Applied"] == f"wait={seconds}"
        assert client.get(response.headers["Location"]).json() == response.json()
    refused = transfer(client, source, target, "5", Prefer="respond-async, wait=0")
    problem(refused, "insufficient_funds")
    assert balance(client, target) == "3.00"


@pytest.mark.parametrize("seconds", ["0", "0.05"])
@pytest.mark.parametrize("end", ["source", "target"])
def test_a_transfer_whose_accounts_are_busy_is_queued(
    patient: Service, seconds: str, end: str
) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with held(database, source if end == "source" else target):
        response = transfer(client, source, target, Prefer=f"respond-async, wait={seconds}")
        queued = accepted(response, f"respond-async, wait={seconds}")
    assert settled(client, queued)["state"] == "succeeded"
    assert balance(client, source) == "98.50"


def test_a_transfer_waits_for_its_accounts_before_it_is_queued(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with ThreadPoolExecutor(1) as thread:
        with held(database, target):
            call = thread.submit(transfer, client, source, target, Prefer="respond-async, wait=30")
            wait_until(lambda: waiting(database) == 1, "the transfer waits for its account")
        response = call.result()
    assert response.status_code == 201
    assert response.headers["Preference-Applied"] == "wait=30"


def test_a_wait_is_no_longer_than_a_call_may_take(database: Database) -> None:
    with running(database, WALLET_STATEMENT_TIMEOUT="1") as service:
        source, target = open_wallet(service.client), open_wallet(service.client)
        with held(database, source):
            response = transfer(service.client, source, target, Prefer="respond-async, wait=60")
            queued = accepted(response, "respond-async, wait=0.8")
        assert settled(service.client, queued)["state"] == "succeeded"


def test_without_that_preference_nothing_is_queued(client: httpx.Client, wallet: Wallet) -> None:
    source, target = wallet("5.00"), wallet()
    for preferred in ("wait=5", "return=minimal", "respond-async=no", ""):
        response = transfer(client, source, target, "1", Prefer=preferred)
        assert (response.status_code, response.json()["state"]) == (201, "succeeded")
        assert "Preference-Applied" not in response.headers


def test_a_request_that_comes_again_gets_the_first_answer(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with held(database, source):
        firsts = {
            preferred: transfer(client, source, target, Prefer=preferred, Idempotency_Key=preferred)
            for preferred in (QUEUED, "respond-async, wait=0")
        }
    for first in firsts.values():
        assert settled(client, accepted(first, first.headers["Preference-Applied"]))
    free = "respond-async, wait=0.01"
    firsts[free] = transfer(client, source, target, Prefer=free, Idempotency_Key=free)
    assert firsts[free].status_code == 201
    for preferred, first in firsts.items():
        assert "Idempotency-Replayed" not in first.headers
        again = transfer(client, source, target, Prefer=preferred, Idempotency_Key=preferred)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for name in ("Location", "Preference-Applied"):
            assert again.headers[name] == first.headers[name]
        for other in {"", "respond-async, wait=1", *firsts} - {preferred}:
            reused = transfer(client, source, target, Prefer=other, Idempotency_Key=preferred)
            problem(reused, "idempotency_key_reused")
    assert balance(client, source) == "95.50"


def test_a_refusal_of_what_should_be_queued_is_kept_with_its_key(
    client: httpx.Client, wallet: Wallet
) -> None:
    cases = (
        ((wallet(), NOBODY), QUEUED, "account_not_found"),
        ((wallet(), wallet()), "respond-async, wait=0", "insufficient_funds"),
    )
    for ends, preferred, code in cases:
        key = f"{ends} {preferred}"
        first = transfer(client, *ends, Prefer=preferred, Idempotency_Key=key)
        problem(first, code)
        client.post(f"/account/{ends[0]}/payment", json={"amount": "5"})
        again = transfer(client, *ends, Prefer=preferred, Idempotency_Key=key)
        problem(again, code)
        assert again.headers["Idempotency-Replayed"] == "true"


def test_in_strict_mode_every_transfer_is_queued(database: Database, admin: Any) -> None:
    with running(database, **PATIENT, WALLET_QUEUE="strict") as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        queued = []
        with unsettled(database):
            for preferred, heeded in (
                ("", None),
                (QUEUED, QUEUED),
                ("respond-async, wait=5", QUEUED),
                ("wait=5", None),
            ):
                response = transfer(client, source, target, "1", Prefer=preferred)
                queued.append(accepted(response, heeded))
            first, again = (
                transfer(client, source, target, "1", Idempotency_Key="k") for _ in range(2)
            )
            queued.append(accepted(first, None))
            assert again.content == first.content
            assert again.headers["Idempotency-Replayed"] == "true"
            assert pending(database) == 5
            problem(transfer(client, source, source), "same_account")
            # All else stays as it is.
            paid = client.post(f"/account/{source}/payment", json={"amount": "1"}).json()
            assert paid["state"] == "succeeded"
            taken = client.post(f"/account/{source}/withdrawal", json={"amount": "1"}).json()
            assert taken["state"] == "succeeded"
            assert client.post(f"/transaction/{paid['id']}/reversal").json()["state"] == "succeeded"
            body = {"source_account_id": source, "target_account_id": target, "amount": "1"}
            batch = client.post("/transaction/batch", json={"transfers": [body], "atomic": True})
            assert batch.json()["results"][0]["state"] == "succeeded"
        assert {settled(client, one)["state"] for one in queued} == {"succeeded"}
        assert balance(client, target) == "106.00"
        assert_sound(admin)


def test_a_get_waits_until_it_is_settled(patient: Service) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with ThreadPoolExecutor(1) as thread:
        with unsettled(database):
            queued = accepted(transfer(client, source, target, Prefer=QUEUED), QUEUED)
            for seconds in ("0", "0.05"):
                response = client.get(
                    f"/transaction/{queued['id']}", headers={"Prefer": f"wait={seconds}"}
                )
                assert (response.status_code, response.json()) == (200, queued)
                assert response.headers["Preference-Applied"] == f"wait={seconds}"
            call = thread.submit(settled, client, queued)
            # It has looked, and goes on waiting.
            assert client.get(f"/transaction/{queued['id']}").json() == queued
            assert not call.done()
        assert call.result()["state"] == "succeeded"


def test_a_get_of_what_is_settled_or_unknown_does_not_wait(
    client: httpx.Client, wallet: Wallet
) -> None:
    id = wallet()
    paid = client.post(f"/account/{id}/payment", json={"amount": "1"}).json()
    response = client.get(f"/transaction/{paid['id']}", headers={"Prefer": "wait=1000"})
    assert response.json() == paid
    assert response.headers["Preference-Applied"] == "wait=30"
    for path in (f"/transaction/{NOBODY}", "/transaction/0"):
        response = client.get(path, headers={"Prefer": "wait=1000"})
        problem(response, "transaction_not_found")
        assert "Preference-Applied" not in response.headers


def get_and_wait(connection: Connection, id: int) -> None:
    connection.send(b"GET /transaction/%d HTTP/1.1\r\nPrefer: wait=30\r\n\r\n" % id)


def test_a_get_that_waits_holds_no_connection(database: Database) -> None:
    settings = {**PATIENT, "WALLET_POOL_SIZE": "1", "WALLET_POOL_TIMEOUT": "10"}
    with running(database, **settings) as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        connections = [Connection(service.port) for _ in range(20)]
        with unsettled(database):
            queued = accepted(transfer(client, source, target, Prefer=QUEUED), QUEUED)
            for connection in connections:
                get_and_wait(connection, queued["id"])
            for _ in range(20):
                assert transfer(client, source, target, "0.01").status_code == 201
        for connection in connections:
            response = connection.answer("GET", f"/transaction/{queued['id']}")
            assert response.json()["state"] == "succeeded"
            connection.close()


def looked(database: Database) -> bool:
    """Whether the service has asked the database anything in the last second."""
    rows = database.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'pgwallet' AND query_start > clock_timestamp() - interval '1 s'"
    )
    return bool(rows)


@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_client_that_hangs_up_ends_its_wait(patient: Service, way: str) -> None:
    client, database = patient.client, patient.database
    source, target = open_wallet(client), open_wallet(client)
    with unsettled(database):
        queued = accepted(transfer(client, source, target, Prefer=QUEUED), QUEUED)
        with Connection(patient.port) as connection:
            get_and_wait(connection, queued["id"])
            assert client.get(f"/transaction/{queued['id']}").json() == queued
            connection.close(reset=way == "reset")
        # Else it would look four times a second, for half a minute.
        wait_until(lambda: not looked(database), "nobody looks any more", 20)
    assert settled(client, queued)["state"] == "succeeded"
    assert "Traceback" not in patient.log.read_text()


def test_a_shutdown_ends_a_wait_with_what_is_there(database: Database) -> None:
    # A shutdown that waits for its time to be over instead must not pass.
    with running(database, **PATIENT, WALLET_SHUTDOWN_TIMEOUT="600") as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with (
            unsettled(database),
            Connection(service.port) as connection,
            ThreadPoolExecutor(1) as thread,
        ):
            queued = accepted(transfer(client, source, target, Prefer=QUEUED), QUEUED)
            get_and_wait(connection, queued["id"])
            assert client.get(f"/transaction/{queued['id']}").json() == queued
            stopped = thread.submit(service.stop)
            response = connection.answer("GET", f"/transaction/{queued['id']}")
            assert (response.status_code, response.json()) == (200, queued)
            assert response.headers["Connection"] == "close"
            # The queue worker's call in flight is waited for.
            assert service.process.poll() is None
            database.execute(
                "SELECT pg_advisory_unlock_all(), pg_terminate_backend(pid) FROM pg_locks"
                " WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            stopped.result()
        assert service.process.returncode == 0
        assert "Traceback" not in service.log.read_text()


def test_sixteen_clients_on_two_accounts_are_answered_201_or_202_and_all_is_settled(
    database: Database, admin: psycopg.Connection[DictRow]
) -> None:
    calls = 30
    with running(database, WALLET_WORKERS="2", WALLET_POOL_SIZE="16") as service:
        ends = open_wallet(service.client), open_wallet(service.client)

        def ask(number: int, barrier: Barrier) -> list[httpx.Response]:
            source, target = ends if number % 2 else ends[::-1]
            with httpx.Client(base_url=service.url, timeout=60) as client:
                barrier.wait(60)
                return [
                    transfer(client, source, target, "0.01", Prefer="respond-async, wait=0")
                    for _ in range(calls)
                ]

        shares = together([partial(ask, number) for number in range(16)])
        answers = [answer for share in shares for answer in share]
        statuses = Counter(answer.status_code for answer in answers)
        print(statuses)
        assert set(statuses) == {201, 202}, statuses
        ids = [answer.json()["id"] for answer in answers]
        assert len(set(ids)) == 16 * calls
        for answer in answers:
            if answer.status_code == 202:
                done = settled(service.client, answer.json())
                assert done["state"] == "succeeded"
        assert pending(database) == 0
        assert [balance(service.client, id) for id in ends] == ["100.00", "100.00"]
        assert deadlocks(admin) == 0
        assert_sound(admin)
