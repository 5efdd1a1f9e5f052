"""Where a read goes: to the primary, or to the standby that WALLET_READ_URL names.

The standby is looked at five times a second. First the primary says how far its WAL has got. As
soon as the standby has replayed that much, it has everything that was committed until then. So
its lag is known without a clock on either server, and is never more than what is measured here.

The standby is a relief, and no read depends on it. While it lags too far behind, is silent or
away, reads go to the primary; one that it does not answer, or cannot find anything for, does too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import asyncpg
from msgspec import structs

from service import statements
from service.config import Settings
from service.connections import Connections, Server
from service.errors import Problem
from service.metrics import count_read, standby_lag
from service.troubles import CANNOT_READ_STANDBY, Troubles

_LOOK_SECONDS = 0.2


class TooFarBehind(Exception):
    """The standby lags."""


class NoStandby(Exception):
    """The server takes writes of its own: it need not have what the primary has."""


class Reads:
    """A worker's reads. Make it while the event loop runs."""

    def __init__(self, settings: Settings, primary: Connections, synchronous_commit: str) -> None:
        self._primary = primary
        self._max_lag = settings.read_max_lag
        self._now = asyncio.get_running_loop().time
        self._as_of = self._now()
        """The standby has what was committed until then."""
        self._is_near = False
        self._looking: asyncio.Task[None] | None = None
        if not settings.read_url:
            return
        # An answer that takes longer than the lag that is allowed may be too old as well.
        quick = structs.replace(
            settings, pool_timeout=settings.read_max_lag, statement_timeout=settings.read_max_lag
        )
        self._troubles = Troubles(CANNOT_READ_STANDBY)
        primary_server, standby_server = (
            Server(
                structs.replace(quick, database_url=url), name, synchronous_commit, self._troubles
            )
            for url, name in (
                (settings.database_url, "pgwallet standby"),
                (settings.read_url, "pgwallet reads"),
            )
        )

        def connections(server: Server, size: int) -> Connections:
            return Connections(
                server,
                size=size,
                lock_timeout=settings.read_max_lag,
                patience=settings.read_max_lag,
            )

        # It looks on connections of its own: those of reads may all be in use.
        self._looks = connections(primary_server, 1), connections(standby_server, 1)
        self._standby = connections(standby_server, primary.size)
        self._looking = asyncio.create_task(self._look_for_ever())

    @property
    def in_use(self) -> int:
        """How many connections run a call on the standby."""
        return self._standby.in_use if self._looking else 0

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections to the standby."""
        if self._looking:
            self._looking.cancel()
            for connections in (*self._looks, self._standby):
                await connections.close()

    async def fetch(
        self, statement: str, *arguments: object, fresh: bool = False
    ) -> list[asyncpg.Record]:
        """As Connections.fetch(). A `fresh` read has all that was committed before it was sent."""
        if not self._looking:
            return await self._primary.fetch(statement, *arguments)
        if not fresh and self._is_near and self._now() - self._as_of <= self._max_lag:
            # An error, or nothing found, may be the standby's alone.
            with suppress(asyncpg.PostgresError):
                try:
                    if rows := await self._standby.fetch(statement, *arguments):
                        count_read("standby")
                        return rows
                except Problem:
                    self._is_near = False  # Until the next look, nobody else tries.
        count_read("primary")
        return await self._primary.fetch(statement, *arguments)

    async def _look_for_ever(self) -> None:
        # When the primary was asked, and how far its WAL was.
        asked: deque[tuple[float, int]] = deque(maxlen=1000)
        while True:
            try:
                await self._look(asked)
            except (Problem, asyncpg.PostgresError, TooFarBehind, NoStandby) as error:
                self._is_near = False
                if not isinstance(error, Problem):  # Else the log has said why.
                    self._troubles.met(CANNOT_READ_STANDBY, error)
            else:
                self._is_near = True
                self._troubles.passed(CANNOT_READ_STANDBY)
            standby_lag.set(self._now() - self._as_of)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, asked: deque[tuple[float, int]]) -> None:
        """Measure the lag. Raises TooFarBehind or NoStandby, or what Connections.fetch() does."""
        primary, standby = self._looks
        begin = self._now()
        ((end,),) = await primary.fetch(statements.WAL_END)
        asked.append((begin, end))
        ((replayed,),) = await standby.fetch(statements.REPLAYED_WAL)
        if replayed is None:
            raise NoStandby("the server is not in recovery")
        while asked and asked[0][1] <= replayed:
            self._as_of = asked.popleft()[0]
        lag = self._now() - self._as_of
        if lag > self._max_lag:
            raise TooFarBehind(f"it is {lag:.1f} s behind")
