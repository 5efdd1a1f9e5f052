"""The queue worker: a process that makes the queued transfers, and ends the holds that are due.

It calls process_pending() again and again. One runs beside the workers of each service. If several
services run, one processes the queue at a time: process_pending() sees to that. If it is killed,
what was committed stays and nothing else happened.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from typing import Any

import asyncpg

from service.config import Settings
from service.connections import CONNECTION_ERRORS, Connection, NotReplicated, Server, silent_after
from service.errors import Problem, connection_is_stale
from service.statements import EXPIRE_HOLDS, PROCESS_PENDING, SET_ASIDE_PENDING
from service.troubles import QUEUE_STOPPED, SWEEP_STOPPED, reason

logger = logging.getLogger("wallet")

MAX_ITEMS = 1000
"""The most transfers that one call makes: their accounts are locked while it runs."""

# How often one transfer alone may raise an error before it is set aside.
_MAX_TRIES = 5

# What ends a call, though the transfer is right: locks, timeouts, deadlocks, a server that cannot.
# set_aside_pending() has the same list.
_PASSES = ("25", "40", "53", "55P03", "57", "58")

# Pauses in seconds: while the queue is empty, and after a call that failed.
_FIRST_PAUSE, _MAX_PAUSE, _PAUSE_AFTER_FAILURE = 0.005, 0.1, 0.5

# Holds that are due are ended at most once in so many seconds.
_SWEEP_SECONDS = 1.0


class QueueWorker:
    """Calls process_pending() until it is told to stop, whatever the database does meanwhile."""

    def __init__(self, settings: Settings, synchronous_commit: str) -> None:
        self._settings = settings
        self._server = Server(settings, "pgwallet queue worker", synchronous_commit)
        self._stopping = asyncio.Event()
        self._connection: Connection | None = None
        self._predecessor: int | None = None
        self._max_items = MAX_ITEMS
        self._tries = 0
        self._next_sweep = 0.0

    def stop(self) -> None:
        """Stop after the call in flight."""
        self._stopping.set()

    async def run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                processed = await self._process()
            except Problem:  # There is no connection, and the log has said why.
                await self._sleep(_PAUSE_AFTER_FAILURE)
                continue
            except (NotReplicated, asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
                self._server.troubles.met(QUEUE_STOPPED, error)
                await self._recover(error)
                await self._sleep(_PAUSE_AFTER_FAILURE)
                continue
            if processed:
                pause = _FIRST_PAUSE
            else:
                await self._sleep(pause)
                pause = min(pause * 1.5, _MAX_PAUSE)
        if self._connection:
            with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                await self._connection.raw.close(timeout=5)

    async def _process(self) -> int:
        """Process the head of the queue, and return how many transfers that were."""
        if self._connection is None:
            self._connection = await self._server.connect(
                self._settings.lock_timeout, self._predecessor
            )
        await self._expire_holds(self._connection)
        processed: int = await self._fetchval(self._connection, PROCESS_PENDING, self._max_items)
        # A small call can succeed while an account further back is still locked.
        if processed < self._max_items or self._max_items == MAX_ITEMS:
            self._server.troubles.passed()
        self._max_items = min(self._max_items * 10, MAX_ITEMS)
        self._tries = 0
        return processed

    async def _expire_holds(self, connection: Connection) -> None:
        """End the holds that are due. A failure must not stop the queue."""
        now = asyncio.get_running_loop().time()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP_SECONDS
        try:
            await self._fetchval(connection, EXPIRE_HOLDS, MAX_ITEMS)
        except asyncpg.PostgresError as error:
            if connection_is_stale(error):
                raise
            self._server.troubles.met(SWEEP_STOPPED, error)

    async def _fetchval(self, connection: Connection, statement: str, *arguments: object) -> Any:
        rows = await connection.fetch(statement, arguments, silent_after(self._settings))
        return rows[0][0]

    async def _recover(self, error: Exception) -> None:
        """Prepare the next try."""
        if isinstance(error, asyncpg.PostgresError) and not connection_is_stale(error):
            if self._max_items == 1 and not (error.sqlstate or "").startswith(_PASSES):
                await self._count_try(error)
            # An account that is locked must not hold up the transfers that were queued before it.
            self._max_items = max(1, self._max_items // 10)
        elif self._connection and not isinstance(error, NotReplicated):
            self._predecessor = self._connection.pid
            self._server.leave(self._connection)
            self._connection = None

    async def _count_try(self, error: asyncpg.PostgresError) -> None:
        """Set the oldest transfer aside if processing it alone has raised errors too often."""
        self._tries += 1
        if self._tries >= _MAX_TRIES and self._connection:
            with suppress(NotReplicated, asyncpg.PostgresError, *CONNECTION_ERRORS):
                id = await self._fetchval(self._connection, SET_ASIDE_PENDING)
                self._tries = 0
                if id is not None:
                    logger.error("transaction %s was set aside: %s", id, reason(error))

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def process_until_stopped(settings: Settings, synchronous_commit: str) -> None:
    """Process the queue until SIGTERM or SIGINT."""
    worker = QueueWorker(settings, synchronous_commit)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()
