"""The process that makes the transfers that are queued, one call of settle() after another.

There is one beside the workers of each service. Of several services' one settles at a time:
settle() sees to that. Killed at any point, it leaves what was committed and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress

import asyncpg

from service.config import Settings
from service.database import GONE, session_settings
from service.errors import connection_is_stale

logger = logging.getLogger("wallet")

SETTLE = "SELECT wallet.settle($1)"

MOST_ITEMS = 1000
"""How many transfers one call settles at the most: their accounts are locked while it runs."""

# Pauses in seconds: while nothing is queued, and after a call that failed.
_FIRST_PAUSE, _LONGEST_PAUSE, _PAUSE_AFTER_FAILURE = 0.005, 0.1, 0.5


class Settler:
    """Calls settle() until it is told to stop, whatever the database does meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._trouble = ""
        self._items = MOST_ITEMS

    def stop(self) -> None:
        """Stop after the call that is in flight."""
        self._stopping.set()

    async def run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                settled = await self._settle()
            except (asyncpg.PostgresError, *GONE) as error:
                await self._fail(error)
                await self._sleep(_PAUSE_AFTER_FAILURE)
                continue
            if settled:
                pause = _FIRST_PAUSE
            else:
                await self._sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        if self._connection:
            with suppress(asyncpg.PostgresError, *GONE):
                await self._connection.close(timeout=5)

    async def _settle(self) -> int:
        """Settle what is queued, and return how many that were."""
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._settings.database_url,
                timeout=5,
                command_timeout=self._settings.statement_timeout + 5,
                server_settings=session_settings(self._settings, "pgwallet settler"),
            )
        settled: int = await self._connection.fetchval(SETTLE, self._items)
        # Fewer at once go through while an account further back is still held.
        if self._trouble and (settled < self._items or self._items == MOST_ITEMS):
            logger.warning("settling again")
            self._trouble = ""
        self._items = min(self._items * 10, MOST_ITEMS)
        return settled

    async def _fail(self, error: Exception) -> None:
        """Say so, once for each kind of trouble, and be ready for another try."""
        trouble = type(error).__name__
        if trouble != self._trouble:
            logger.warning("cannot settle: %s: %s", trouble, " ".join(str(error).split()))
            self._trouble = trouble
        if isinstance(error, asyncpg.PostgresError) and not connection_is_stale(error):
            # Whatever holds one account up must not hold up what was queued before it.
            self._items = max(1, self._items // 10)
        elif self._connection:
            self._connection.terminate()
            self._connection = None

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


async def settle_until_stopped(settings: Settings) -> None:
    """Settle until SIGTERM or SIGINT."""
    settler = Settler(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, settler.stop)
    await settler.run()
