"""The queue worker: there with the service, replaced when it dies, gone when it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx import Client

from tests.http.conftest import Owner
from tests.http.processes import (
    PATIENT,
    OwnServer,
    balance,
    held,
    jobs,
    open_wallet,
    own_service,
    pending,
    queue_stopped,
    running,
    transfer,
    wait_until,
    waiting,
)
from tests.http.test_queue import QUEUED, accepted, processed
from tests.support.databases import Database, assert_sound
from tests.support.service import Service


@pytest.fixture(scope="module")
def hasty(template: Database) -> Iterator[Service]:
    """A service whose queue worker hardly waits for an account."""
    settings = {"WALLET_LOCK_TIMEOUT": "0.05", "WALLET_LOG_FORMAT": "json"}
    with own_service(template, **settings) as service:
        yield service


def queue(client: Client, source: int, target: int, times: int = 1) -> list[dict[str, Any]]:
    """Queue as many transfers of a cent."""
    return [accepted(transfer(client, source, target, "0.01", Prefer=QUEUED)) for _ in range(times)]


def assert_processed(client: Client, queued: list[dict[str, Any]]) -> None:
    assert {processed(client, one)["state"] for one in queued} == {"succeeded"}


def messages(service: Service, word: str) -> list[str]:
    """What the log has with this word, of a service that writes JSON."""
    records = [json.loads(line) for line in service.log.read_text().splitlines()]
    return [record["message"] for record in records if word in record["message"]]


def test_a_service_that_is_told_to_stop_lets_the_queue_worker_s_call_end(
    database: Database, admin: Owner
) -> None:
    with running(database, **PATIENT) as service, ThreadPoolExecutor(1) as thread:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with held(database, target):
            queue(client, source, target)
            wait_until(lambda: waiting(database) == 1, "it waits for an account")
            stopped = thread.submit(service.stop)
            wait_until(lambda: not jobs(service.process.pid, "worker"), "the worker is gone")
            assert len(jobs(service.process.pid, "queue worker")) == 1
        stopped.result()
        assert service.process.returncode == 0
        assert pending(database) == 0
        assert service.log.read_text() == ""
        assert_sound(admin)


def test_a_held_account_does_not_hold_up_what_was_queued_before(hasty: Service) -> None:
    client, database = hasty.client, hasty.database
    source, target, other = (open_wallet(client) for _ in range(3))
    with held(database, target):
        with queue_stopped(database):
            before = queue(client, source, other, 5)
            stuck = queue(client, source, target)
        assert_processed(client, before)
        after = queue(client, source, other)
        assert client.get(f"/transaction/{after[0]['id']}").json() == after[0]
    assert_processed(client, stuck + after)
    assert messages(hasty, "was set aside") == []
    # Said once, however often it was tried.
    assert len(messages(hasty, "cannot process the queue")) == 1
    wait_until(lambda: bool(messages(hasty, "processing the queue again")), "it says so")


def test_a_transfer_that_always_raises_is_set_aside_and_the_queue_goes_on(hasty: Service) -> None:
    client, database = hasty.client, hasty.database
    source, bad, good = (open_wallet(client) for _ in range(3))
    database.execute(
        "CREATE FUNCTION public.poison() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NEW.id = {bad} THEN RAISE 'poison'; END IF; RETURN NEW; END $$"
    )
    database.execute(
        "CREATE TRIGGER poison BEFORE UPDATE ON wallet.account "
        "FOR EACH ROW EXECUTE FUNCTION public.poison()"
    )
    with queue_stopped(database):
        before = queue(client, source, good, 5)
        poisoned = queue(client, source, bad)
        after = queue(client, source, good, 5)
    assert_processed(client, before + after)
    body = processed(client, poisoned[0])
    assert (body["state"], body["failure"]["code"]) == ("failed", "processing_failed")
    assert "poison" not in body["failure"]["detail"]
    id = poisoned[0]["id"]
    (said,) = messages(hasty, "was set aside")
    assert said == f"transaction {id} was set aside: P0001: poison"
    assert (balance(client, source), balance(client, bad)) == ("99.90", "100.00")


def test_a_queue_worker_survives_the_database(own: tuple[OwnServer, Database]) -> None:
    server, database = own
    with running(database, WALLET_LOG_FORMAT="json") as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        worker = jobs(service.process.pid, "queue worker")
        for times, mode in enumerate(("fast", "immediate"), 1):
            with queue_stopped(database):
                queued = queue(client, source, target, 3)
                server.stop(mode)
            wait_until(
                lambda n=times: len(messages(service, "cannot process the queue")) >= n,  # type: ignore[misc]
                "it says what is the matter",
            )
            server.start()
            assert_processed(client, queued)
            wait_until(
                lambda n=times: len(messages(service, "processing the queue again")) == n,  # type: ignore[misc]
                "it says that it goes on",
            )
        assert jobs(service.process.pid, "queue worker") == worker
        with database.connect() as connection:
            assert_sound(connection)
