"""Many threads at once, and proof that one session waits for another."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, TypeVar

from tests.support.calls import Connection, call, value

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which something that must come is taken for something that never will."""


def together(tasks: Sequence[Callable[[Barrier], T]]) -> list[T]:
    """Run each task in a thread of its own. Each passes the barrier when it is ready to begin."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[Barrier], T]) -> T:
        try:
            return task(barrier)
        except BaseException:
            barrier.abort()  # or the others would wait for this one
            raise

    with ThreadPoolExecutor(len(tasks)) as pool:
        futures = [pool.submit(run, task) for task in tasks]
        return [future.result() for future in futures]


@contextmanager
def background(function: Callable[..., T], *arguments: Any) -> Iterator[Future[T]]:
    """Run a function in a thread while the body of the `with` goes on."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(function, *arguments)


def wait_until_blocked(admin: Connection, waiting: Connection, holding: Connection) -> None:
    """Return once PostgreSQL itself says that one session waits for a lock of the other's."""
    deadline = time.monotonic() + PATIENCE
    pids = waiting.info.backend_pid, holding.info.backend_pid
    while time.monotonic() < deadline:
        if os.environ.get("WALLET_CITUS_URL"):
            # The waits are the workers'; a global id ends with the process id on the coordinator.
            query = """SELECT count(*) > 0 AS waits FROM citus_lock_waits
                WHERE waiting_gpid %% 10000000000 = %s AND blocking_gpid %% 10000000000 = %s"""
        else:
            query = """SELECT count(*) > 0 AS waits FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND pid = %s AND %s = ANY (pg_blocking_pids(pid))"""
        if call(admin, query, *pids)["waits"]:
            return
    raise AssertionError(f"after {PATIENCE} seconds it does not wait")


def kill(admin: Connection, victim: Connection) -> None:
    """End a backend, and wait until it is gone."""
    assert value(admin, "SELECT pg_terminate_backend(%s::int, 60000)", victim.info.backend_pid)
