"""Nodes of a Citus are killed under load: nothing is lost or doubled, and the sum stays.

WALLET_CITUS_PROGRAMS is the folder of a PostgreSQL with Citus; a cluster is started from it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.http.processes import wait_until
from tests.support.threads import PATIENCE
from tools.citus import cluster, url
from tools.embedded import CHECKOUT, EmbeddedServer

PROGRAMS = os.environ.get("WALLET_CITUS_PROGRAMS")
pytestmark = pytest.mark.skipif(not PROGRAMS, reason="WALLET_CITUS_PROGRAMS names no PostgreSQL")

PORT = 25442
ACCOUNTS = 20
GONE = float(os.environ.get("WALLET_CITUS_GONE", "10"))
"""Seconds that a node stays away."""

Nodes = list[EmbeddedServer]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with cluster(Path(PROGRAMS or ""), PORT) as nodes:
        environ = {"PGHOST": "127.0.0.1", "PGPORT": str(PORT), "PGUSER": "postgres"}
        subprocess.run(
            ["make", "-s", "citus"],
            cwd=CHECKOUT,
            env={**os.environ, **environ, "PGDATABASE": "postgres"},
            check=True,
        )
        for _ in range(ACCOUNTS):
            ask("SELECT wallet.deposit((wallet.create_account('ada@example.com')).id, 10000)")
        yield nodes


def ask(query: str, port: int = PORT) -> Any:
    options = "-c statement_timeout=20s -c lock_timeout=2s"
    with psycopg.connect(url(port), autocommit=True, options=options) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall()[0][0] if cursor.description else None


def pids(node: EmbeddedServer) -> list[int]:
    head = int((node.data / "postmaster.pid").read_text().split()[0])
    return [head, *map(int, Path(f"/proc/{head}/task/{head}/children").read_text().split())]


def kill(node: EmbeddedServer) -> None:
    """`kill -9` of all its processes."""
    for pid in pids(node):
        os.kill(pid, signal.SIGKILL)
    while node.is_running():
        time.sleep(0.01)


class Load:
    """Four clients with keys, each of which asks again until it is told what came of it."""

    def __init__(self) -> None:
        self.answered: dict[str, int] = {}
        self.failures = 0
        self._over = threading.Event()

    def run(self, client: int) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            key = f"{time.time_ns()}-{client}-{number}"
            pair = (number + client) % ACCOUNTS + 1, (number + 7 * client + 3) % ACCOUNTS + 1
            deadline = time.monotonic() + 3 * PATIENCE
            while pair[0] != pair[1]:
                try:
                    statement = "(wallet.transfer({}, {}, 1, '{}')).transaction"
                    self.answered[key] = ask(f"SELECT ({statement.format(*pair, key)}).id")
                    break
                except psycopg.Error:
                    self.failures += 1
                    assert time.monotonic() < deadline, f"{key} is never answered"
                    time.sleep(0.1)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=(client,)) for client in range(4)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()


def set_standby(node: int, name: str) -> None:
    """Have a node's commits wait for a standby of this name; an empty one is for none."""
    ask(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'", PORT + node)
    ask("SELECT pg_reload_conf()", PORT + node)


def has_prepared(node: int) -> bool:
    return bool(ask("SELECT count(*) FROM pg_prepared_xacts", PORT + node))


@contextmanager
def commits_stop_on(node: int) -> Iterator[None]:
    """A node writes what it prepares or commits, and then waits for a standby that is not there.

    On the coordinator: all workers have prepared, and none is told to commit. On a worker all
    clients may come to wait for what only it has to commit: then they go on, and are stopped again.
    """

    def stopped() -> bool:
        set_standby(node, "nobody")
        time.sleep(0.5)  # By then the clients have come to wait.
        if all(map(has_prepared, {1, 2} - {node})):
            return True
        set_standby(node, "")
        return False

    wait_until(stopped, "the others have something prepared")
    try:
        yield
    finally:
        set_standby(node, "")


def worker_between_prepare_and_commit(nodes: Nodes) -> None:
    with commits_stop_on(0):
        kill(nodes[1])
    nodes[1].start()


def coordinator_before_its_own_commit(nodes: Nodes) -> None:
    with commits_stop_on(2):
        kill(nodes[0])
    nodes[0].start()


def coordinator_after_its_own_commit(nodes: Nodes) -> None:
    with commits_stop_on(0):
        kill(nodes[0])
        nodes[0].start()


def worker_gone(nodes: Nodes) -> None:
    kill(nodes[2])
    time.sleep(GONE)
    nodes[2].start()


@pytest.mark.parametrize(
    "fault",
    [
        worker_between_prepare_and_commit,
        coordinator_before_its_own_commit,
        coordinator_after_its_own_commit,
        worker_gone,
    ],
)
def test_nothing_is_lost_or_doubled(nodes: Nodes, fault: Callable[[Nodes], None]) -> None:
    made = ask("SELECT count(*) FROM wallet.transaction")
    load = Load()
    with load.running():
        while len(load.answered) < 20:
            time.sleep(0.01)
        fault(nodes)
        back = time.monotonic()
        answered = len(load.answered)
        # Citus does this by itself, once a minute unless citus.recover_2pc_interval says otherwise.
        recovered = ask("SELECT recover_prepared_transactions()")
        while len(load.answered) < answered + 20:
            assert time.monotonic() < back + PATIENCE, "it does not go on"
            time.sleep(0.01)
        seconds = time.monotonic() - back
    ask("SELECT recover_prepared_transactions()")
    print(
        f"{fault.__name__}: {len(load.answered)} answered, {load.failures} failures seen,"
        f" {recovered} recovered, {seconds:.1f} s to go on"
    )
    ids = sorted(load.answered.values())
    there = ask(f"SELECT count(*) FROM wallet.transaction WHERE id = ANY ('{set(ids)}')")
    assert len(set(ids)) == there == len(ids), "an answer is not there, or was given twice"
    assert ask("SELECT count(*) FROM wallet.transaction") == made + len(ids), "one was made twice"
    assert ask("SELECT sum(balance) FROM wallet.account") == 10000 * ACCOUNTS
    assert ask("SELECT count(*) FROM wallet.audit()") == 0
    assert not any(map(has_prepared, (1, 2)))


def test_who_locks_the_accounts_sees_the_sum_conserved(nodes: Nodes) -> None:
    load = Load()
    with load.running(), psycopg.connect(url(PORT)) as reader:
        for _ in range(20):
            reader.execute("LOCK TABLE wallet.account IN SHARE MODE")
            query = "SELECT sum(balance) FROM wallet.account"
            assert reader.execute(query).fetchall()[0][0] == 10000 * ACCOUNTS
            assert reader.execute("SELECT * FROM wallet.audit()").fetchall() == []
            reader.commit()
    assert load.answered
