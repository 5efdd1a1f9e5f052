"""Told to stop, the service lets what is in flight end, and takes nothing else along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from httpx import Client

from tests.http.processes import (
    PATIENT,
    children,
    held,
    is_gone,
    jobs,
    open_wallet,
    payments,
    running,
    wait_until,
    waiting,
)
from tests.http.wire import LIVE, Connection, json_post
from tests.support.databases import Database
from tests.support.service import Service, free_port, plain_environ
from tools.embedded import CHECKOUT

READY = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n"

# A shutdown that waits for its time to be over instead of for its requests must not pass.
ENDLESS = {**PATIENT, "WALLET_SHUTDOWN_TIMEOUT": "600"}


def takes_no_more(service: Service) -> bool:
    try:
        Connection(service.port).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until_gone(pids: set[int]) -> None:
    wait_until(lambda: all(map(is_gone, pids)), f"all of {pids} are gone")


@pytest.mark.parametrize(
    ("number", "uvloop"), [(signal.SIGTERM, "true"), (signal.SIGINT, "false")], ids=["TERM", "INT"]
)
def test_a_request_in_flight_gets_its_answer_and_readiness_ends(
    database: Database, number: signal.Signals, uvloop: str
) -> None:
    with (
        running(database, **ENDLESS, SANIC_USE_UVLOOP=uvloop) as service,
        ThreadPoolExecutor(1) as thread,
        Connection(service.port) as idle,
        Connection(service.port) as busy,
        Connection(service.port) as asks,
    ):
        idle.send(LIVE)
        assert idle.answer("GET", "/health/live").status_code == 200
        # Half a request keeps the connection from being taken for an idle one.
        asks.send(READY[:-2])
        id = open_wallet(service.client)
        pids = children(service.process.pid)
        with held(database, id):
            head = json_post(f"/account/{id}/payment")
            busy.send(head + b'Content-Length: 14\r\n\r\n{"amount":"1"}')
            wait_until(lambda: waiting(database) == 1, "the payment waits for its account")
            stopped = thread.submit(service.stop, number)
            wait_until(lambda: takes_no_more(service), "the service takes no more connections")
            # A connection on which nothing happens is closed at once.
            assert idle.is_closed()
            asks.send(READY[-2:])
            response = asks.answer("GET", "/health/ready")
            assert (response.status_code, response.json()["code"]) == (503, "busy")
            assert service.process.poll() is None, "it left a request behind"
        response = busy.answer("POST", f"/account/{id}/payment")
        assert response.status_code == 201
        # It may be kept alive no longer, or it would hold the shutdown up.
        assert response.headers["Connection"] == "close"
        assert busy.is_closed()
        stopped.result()
        assert service.process.returncode == 0
        wait_until_gone(pids)
        assert payments(database, id) == 2
        assert "Traceback" not in service.log.read_text()


def test_a_request_that_outlasts_the_shutdown_is_still_committed(database: Database) -> None:
    with (
        running(database, **PATIENT, WALLET_SHUTDOWN_TIMEOUT="0.2") as service,
        ThreadPoolExecutor(2) as threads,
    ):
        id = open_wallet(service.client)
        with held(database, id):
            payment = threads.submit(
                httpx.post, f"{service.url}/account/{id}/payment", json={"amount": "1"}, timeout=20
            )
            wait_until(lambda: waiting(database) == 1, "the payment waits for its account")
            stopped = threads.submit(service.stop)
            assert isinstance(payment.exception(), httpx.TransportError)
            assert waiting(database) == 1, "the call was cut off"
        stopped.result()
        assert service.process.returncode == 0
        assert payments(database, id) == 2


def start_of(pid: int) -> float:
    """When a process started, in seconds since this machine did."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def have_answered(service: Service) -> int:
    """How many workers have asked the database. Whichever is first takes a new connection."""
    with Client(base_url=service.url, verify=False) as client:
        assert client.get("/health/ready").status_code == 200
    rows = service.database.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'pgwallet'"
    )
    return int(rows[0]["count"])


def test_workers_that_are_told_to_stop_while_they_start_stop(database: Database) -> None:
    environ = {
        **plain_environ(),
        "WALLET_DATABASE_URL": database.url("wallet_app"),
        "WALLET_WORKERS": "4",
    }
    for workers_seen in (0, 1, 5):
        with subprocess.Popen(
            [sys.executable, "-m", "service"],
            cwd=CHECKOUT,
            env={**environ, "WALLET_PORT": str(free_port())},
        ) as process:
            wait_until(
                lambda p=process, n=workers_seen: len(children(p.pid)) >= n,  # type: ignore[misc]
                f"{workers_seen} workers are there",
            )
            pids = children(process.pid)
            process.terminate()
            # Before there are workers nothing is in flight: the signal may end it as it is.
            assert process.wait(20) in ((0, -signal.SIGTERM) if not workers_seen else (0,))
            wait_until_gone(pids)


def test_a_parent_that_is_killed_takes_all_of_its_processes_along(database: Database) -> None:
    with running(database, WALLET_WORKERS="2") as service:
        pids = children(service.process.pid)
        service.process.kill()
        service.process.wait()
        wait_until_gone(pids)
        assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize(
    ("number", "lines"), [(signal.SIGKILL, 1), (signal.SIGSTOP, 2)], ids=["KILL", "STOP"]
)
def test_processes_that_die_or_hang_are_replaced_together(
    database: Database, number: signal.Signals, lines: int
) -> None:
    with running(database, WALLET_WORKERS="4", WALLET_LOG_FORMAT="json") as service:
        pid = service.process.pid
        wait_until(lambda: have_answered(service) >= 4, "all workers have started", 60)
        ended = {*sorted(jobs(pid, "worker"))[1:], *jobs(pid, "queue worker")}
        for one in ended:
            os.kill(one, number)
        # The one that is left goes on, whatever is the matter with the queue worker.
        assert httpx.get(f"{service.url}/health/ready").status_code == 200
        wait_until(
            lambda: (
                len(jobs(pid, "worker") - ended) == 4 and bool(jobs(pid, "queue worker") - ended)
            ),
            "others take their places",
            30,
        )
        # If one were started a second, all would be a second apart.
        starts = sorted(map(start_of, children(pid) - ended))[-len(ended) :]
        assert min(later - earlier for earlier, later in pairwise(starts)) < 0.9
        records = [json.loads(line)["message"] for line in service.log.read_text().splitlines()]
        for one in ended:
            assert len([record for record in records if f" {one} " in record]) == lines, records
        service.stop()
        assert service.process.returncode == 0
