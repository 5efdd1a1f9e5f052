"""Many threads at once, and proof that one session waits for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, TypeVar

from tests.support.calls import Connection, call

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
    while time.monotonic() < deadline:
        row = call(
            admin,
            "SELECT a.wait_event_type, pg_blocking_pids(a.pid) AS blockers "
            "FROM pg_stat_activity a WHERE a.pid = %s",
            waiting.info.backend_pid,
        )
        if row["wait_event_type"] == "Lock" and holding.info.backend_pid in row["blockers"]:
            return
    raise AssertionError(f"after {PATIENCE} seconds it does not wait")
