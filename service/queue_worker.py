"""The queue worker: a process that makes the queued transfers.

It calls process_pending() again and again. One runs beside the workers of each service. If several
services run, one processes the queue at a time: process_pending() sees to that. If it is killed,
what was committed stays and nothing else happened.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress

import asyncpg

from service.config import Settings
from service.connections import CONNECTION_ERRORS, session_settings
from service.errors import connection_is_stale
from service.statements import PROCESS_PENDING, SET_ASIDE_PENDING

logger = logging.getLogger("wallet")

MAX_ITEMS = 1000
"""The most transfers that one call makes: their accounts are locked while it runs."""

# How often one transfer alone may raise an error before it is set aside.
_MAX_TRIES = 5

# What ends a call, though the transfer is right: locks, timeouts, deadlocks, a server that cannot.
# set_aside_pending() has the same list.
_PASSES = ("40", "53", "55P03", "57", "58", "25006")

# Pauses in seconds: while the queue is empty, and after a call that failed.
_FIRST_PAUSE, _MAX_PAUSE, _PAUSE_AFTER_FAILURE = 0.005, 0.1, 0.5


class QueueWorker:
    """Calls process_pending() until it is told to stop, whatever the database does meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._trouble = ""
        self._max_items = MAX_ITEMS
        self._tries = 0

    def stop(self) -> None:
        """Stop after the call in flight."""
        self._stopping.set()

    async def run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                processed = await self._process()
            except (asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
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
                await self._connection.close(timeout=5)

    async def _process(self) -> int:
        """Process the head of the queue, and return how many transfers that were."""
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._settings.database_url,
                password=self._settings.database_password or None,
                timeout=5,
                command_timeout=self._settings.statement_timeout + 5,
                server_settings=session_settings(
                    self._settings, "pgwallet queue worker", self._settings.lock_timeout
                ),
            )
        processed: int = await self._connection.fetchval(PROCESS_PENDING, self._max_items)
        # A small call can succeed while an account further back is still locked.
        if self._trouble and (processed < self._max_items or self._max_items == MAX_ITEMS):
            logger.warning("processing the queue again")
            self._trouble = ""
        self._max_items = min(self._max_items * 10, MAX_ITEMS)
        self._tries = 0
        return processed

    async def _recover(self, error: Exception) -> None:
        """Log the trouble, once for each kind, and prepare the next try."""
        trouble = type(error).__name__
        if trouble != self._trouble:
            message = " ".join(str(error).split())
            logger.warning("cannot process the queue: %s: %s", trouble, message)
            self._trouble = trouble
        if isinstance(error, asyncpg.PostgresError) and not connection_is_stale(error):
            if self._max_items == 1 and not (error.sqlstate or "").startswith(_PASSES):
                await self._count_try(error)
            # An account that is locked must not hold up the transfers that were queued before it.
            self._max_items = max(1, self._max_items // 10)
        elif self._connection:
            self._connection.terminate()
            self._connection = None

    async def _count_try(self, error: asyncpg.PostgresError) -> None:
        """Set the oldest transfer aside if processing it alone has raised errors too often."""
        self._tries += 1
        if self._tries >= _MAX_TRIES and self._connection:
            with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                id = await self._connection.fetchval(SET_ASIDE_PENDING)
                self._tries = 0
                if id is not None:
                    message = " ".join(f"{error.sqlstate}: {error}".split())
                    logger.error("transaction %s was set aside: %s", id, message)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def process_until_stopped(settings: Settings) -> None:
    """Process the queue until SIGTERM or SIGINT."""
    worker = QueueWorker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, worker.stop)
    await worker.run()
