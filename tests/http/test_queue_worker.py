"""The process that settles: there with the service, replaced when it dies, gone when it goes."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import DictRow

from tests.http.processes import (
    PATIENT,
    children,
    held,
    is_gone,
    jobs,
    open_wallet,
    own_database,
    pending,
    running,
    unsettled,
    wait_until,
    waiting,
)
from tests.http.test_queue import QUEUED, accepted, balance, settled, transfer
from tests.support.databases import Database, assert_sound
from tests.support.service import Service

Admin = psycopg.Connection[DictRow]


def queue(client: httpx.Client, source: int, target: int, times: int = 1) -> list[dict[str, Any]]:
    """Queue as many transfers of a cent."""
    return [
        accepted(transfer(client, source, target, "0.01", Prefer=QUEUED), QUEUED)
        for _ in range(times)
    ]


def messages(service: Service, word: str) -> list[str]:
    """What the log has with this word, of a service that writes JSON."""
    records = [json.loads(line) for line in service.log.read_text().splitlines()]
    return [record["message"] for record in records if word in record["message"]]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_there_is_one_queue_worker_beside_the_workers(database: Database, workers: str) -> None:
    with running(database, WALLET_WORKERS=workers) as service:
        pid = service.process.pid
        assert len(jobs(pid, "queue worker")) == 1
        assert len(jobs(pid, "worker")) == int(workers)
        assert len(children(pid)) == 1 + int(workers)
        source, target = open_wallet(service.client), open_wallet(service.client)
        assert settled(service.client, queue(service.client, source, target)[0])


def test_a_queue_worker_that_is_killed_is_replaced_and_nothing_is_lost_or_done_twice(
    database: Database, admin: Admin
) -> None:
    with running(database, WALLET_LOG_FORMAT="json") as service:
        client, pid = service.client, service.process.pid
        source, target = open_wallet(client), open_wallet(client)
        for _ in range(3):
            queued = queue(client, source, target, 50)
            (killed,) = jobs(pid, "queue worker")
            os.kill(killed, signal.SIGKILL)
            queued += queue(client, source, target, 50)
            wait_until(lambda k=killed: jobs(pid, "queue worker") - {k} != set(), "another settles")  # type: ignore[misc]
            assert {settled(client, one)["state"] for one in queued} == {"succeeded"}
        assert (balance(client, source), balance(client, target)) == ("97.00", "103.00")
        assert len(messages(service, "another takes its place")) == 3
        assert_sound(admin)


def test_a_queue_worker_that_is_killed_in_a_call_has_done_nothing_by_halves(
    database: Database, admin: Admin
) -> None:
    with running(database, **PATIENT) as service:
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with held(database, target):
            queued = queue(client, source, target, 5)
            wait_until(lambda: waiting(database) == 1, "it waits for an account")
            for queue worker in jobs(service.process.pid, "queue worker"):
                os.kill(queue worker, signal.SIGKILL)
            # PostgreSQL goes on with the call until it has an answer that nobody takes.
            assert pending(database) == 5
        assert {settled(client, one)["state"] for one in queued} == {"succeeded"}
        assert balance(client, target) == "100.05"
        assert_sound(admin)


def test_a_service_that_is_told_to_stop_lets_the_queue_worker_s_call_end(
    database: Database, admin: Admin
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


def test_what_is_queued_when_a_service_stops_is_settled_by_the_next(database: Database) -> None:
    with running(database) as service:
        source, target = open_wallet(service.client), open_wallet(service.client)
        with unsettled(database):
            queued = queue(service.client, source, target, 3)
            service.stop(signal.SIGKILL)
        service.start()
        assert {settled(service.client, one)["state"] for one in queued} == {"succeeded"}


def test_a_parent_that_is_killed_takes_all_of_its_processes_along(database: Database) -> None:
    with running(database, WALLET_WORKERS="2") as service:
        pids = children(service.process.pid)
        assert len(pids) == 3
        service.process.kill()
        service.process.wait()
        wait_until(lambda: all(map(is_gone, pids)), f"all of {pids} are gone")
        assert "Traceback" not in service.log.read_text()


def test_a_held_account_does_not_hold_up_what_was_queued_before(database: Database) -> None:
    settings = {"WALLET_LOCK_TIMEOUT": "0.05", "WALLET_LOG_FORMAT": "json"}
    with running(database, **settings) as service:
        client = service.client
        source, target, other = (open_wallet(client) for _ in range(3))
        with held(database, target):
            with unsettled(database):
                before = queue(client, source, other, 5)
                stuck = queue(client, source, target)
            assert {settled(client, one)["state"] for one in before} == {"succeeded"}
            after = queue(client, source, other)
            path = f"/transaction/{after[0]['id']}"
            assert client.get(path, headers={"Prefer": "wait=1"}).json() == after[0]
        assert {settled(client, one)["state"] for one in stuck + after} == {"succeeded"}
        # Said once, however often it was tried.
        assert len(messages(service, "cannot settle")) == 1
        wait_until(lambda: bool(messages(service, "settling again")), "it says that it goes on")


def test_two_services_settle_one_queue(database: Database, admin: Admin) -> None:
    with running(database) as first, running(database) as second:
        source, target = open_wallet(first.client), open_wallet(first.client)
        queued = []
        for _ in range(50):
            for service in (first, second):
                queued += queue(service.client, source, target)
        assert {settled(second.client, one)["state"] for one in queued} == {"succeeded"}
        assert balance(first.client, target) == "101.00"
        first.stop()
        assert settled(second.client, queue(second.client, source, target)[0])
        assert_sound(admin)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_queue_worker_survives_the_database(mode: str) -> None:
    with (
        own_database() as (server, database),
        running(database, WALLET_LOG_FORMAT="json") as service,
    ):
        client = service.client
        source, target = open_wallet(client), open_wallet(client)
        with unsettled(database):
            queued = queue(client, source, target, 3)
            (queue worker,) = jobs(service.process.pid, "queue worker")
            server.stop(mode)
        wait_until(lambda: bool(messages(service, "cannot settle")), "it says what is the matter")
        server.start()
        assert {settled(client, one)["state"] for one in queued} == {"succeeded"}
        assert jobs(service.process.pid, "queue worker") == {queue worker}
        wait_until(lambda: bool(messages(service, "settling again")), "it says that it goes on")
        with database.connect() as connection:
            assert_sound(connection)
