"""The hand-out of connections: which call runs on which connection, and when.

A call that has begun runs to its end even if its request goes away: a client that hangs up must not
cut the call off between its work and its commit.

A call is sent once. If its connection is lost or falls silent, its outcome is unknown, and a second
try could pay twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import NamedTuple, TypeVar

import asyncpg

from service.config import Settings
from service.errors import NOTHING_DONE, OUTCOME_UNKNOWN, Problem, connection_is_stale, refusal
from service.rows import AccountRow, TransactionRow
from service.statements import Operation

logger = logging.getLogger("wallet")

Row = TypeVar("Row", AccountRow, TransactionRow)

CONNECTION_ERRORS = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What this side raises when a connection cannot be had, is lost, falls silent (a TimeoutError is
an OSError), or is being closed by the server (asyncpg calls that an internal error)."""

# A connection that has been idle for so long is closed.
_IDLE_SECONDS = 300


def session_settings(settings: Settings, name: str, lock_timeout: float) -> dict[str, str]:
    """The settings of a session, sent when it is opened. `lock_timeout` is in seconds."""
    return {
        "application_name": name,
        "default_transaction_isolation": "read committed",
        "statement_timeout": str(int(settings.statement_timeout * 1000)),
        "lock_timeout": str(int(lock_timeout * 1000)),
    }


class _Call(NamedTuple):
    """A statement to run, and the future that its rows or its error go to."""

    statement: str
    arguments: tuple[object, ...]
    rows: asyncio.Future[list[asyncpg.Record]]


class Connections:
    """A worker's connections to the database.

    Each connection has a task, which runs the calls that it is handed, one after another. A request
    only awaits the rows. Make it while the event loop runs; a task connects when it is first handed
    a call.
    """

    def __init__(self, settings: Settings, *, size: int, lock_timeout: float) -> None:
        self.size = size
        self._settings = settings
        self._lock_timeout = lock_timeout
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call] = deque()
        # Each idle task awaits its next call. The last of them is handed the next one.
        self._idle: list[asyncio.Future[_Call | None]] = []
        self._closing = False
        # A connection of an earlier generation is not used any more.
        self._generation = 0
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(size)]

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections."""
        self._closing = True
        while self._idle:
            self._idle.pop().set_result(None)
        await asyncio.gather(*self._tasks)

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement and return its rows.

        Raises Problem: busy if no connection comes free within the pool's timeout,
        database_unavailable if none can be had or it is lost; or what PostgreSQL reports.
        """
        call = _Call(statement, arguments, self._loop.create_future())
        if self._idle:
            self._idle.pop().set_result(call)
            return await call.rows
        self._waiting.append(call)
        timer = self._loop.call_later(self._settings.pool_timeout, self._turn_away, call)
        try:
            return await call.rows
        finally:
            timer.cancel()

    def _turn_away(self, call: _Call) -> None:
        """End a call's wait, unless it has begun."""
        with suppress(ValueError):
            self._waiting.remove(call)
            call.rows.set_exception(
                Problem("busy", f"Every database connection is in use. {NOTHING_DONE}")
            )

    async def _serve(self) -> None:
        """Run calls on one connection, until it is time to close and none is left."""
        connection: asyncpg.Connection | None = None
        generation = self._generation
        while call := await self._next_call(connection):
            try:
                if connection and generation != self._generation:
                    connection.terminate()
                if connection is None or connection.is_closed():
                    generation = self._generation
                    connection = None
                    connection = await self._connect()
                rows = await self._run(connection, call)
            except Exception as error:
                if not call.rows.done():
                    call.rows.set_exception(error)
            else:
                if not call.rows.done():
                    call.rows.set_result(rows)
        if connection:
            with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                await connection.close()

    async def _next_call(self, connection: asyncpg.Connection | None) -> _Call | None:
        while self._waiting:
            call = self._waiting.popleft()
            if not call.rows.done():  # Else its request went away before it began.
                return call
        if self._closing:
            return None
        turn: asyncio.Future[_Call | None] = self._loop.create_future()
        if connection is None or connection.is_closed():
            self._idle.insert(0, turn)  # Tasks that are connected are used first.
            return await turn
        self._idle.append(turn)
        timer = self._loop.call_later(_IDLE_SECONDS, connection.terminate)
        try:
            return await turn
        finally:
            timer.cancel()

    async def _connect(self) -> asyncpg.Connection:
        settings = self._settings
        try:
            return await asyncpg.connect(
                settings.database_url,
                password=settings.database_password or None,
                timeout=settings.pool_timeout,
                # Only a silent server takes this long: statement_timeout comes first.
                command_timeout=settings.statement_timeout + 5,
                server_settings=session_settings(settings, "pgwallet", self._lock_timeout),
            )
        except (asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
            logger.error("cannot connect to the database: %s", error)
            raise Problem(
                "database_unavailable", f"The database cannot be reached. {NOTHING_DONE}"
            ) from error

    async def _run(self, connection: asyncpg.Connection, call: _Call) -> list[asyncpg.Record]:
        try:
            rows: list[asyncpg.Record] = await connection.fetch(call.statement, *call.arguments)
            return rows
        except asyncpg.PostgresError as error:
            if connection_is_stale(error):
                logger.warning("the database went away: %s", error)
                self._generation += 1
            raise
        except CONNECTION_ERRORS as error:
            if isinstance(error, asyncpg.InterfaceError) and not connection.is_closed():
                raise  # Not the connection's fault.
            connection.terminate()
            logger.warning("the database went away: %r", error)
            raise Problem("database_unavailable", OUTCOME_UNKNOWN) from error


async def run_operation(
    connections: Connections,
    operation: Operation,
    row_type: type[Row],
    idempotency_key: str | None,
    *arguments: object,
) -> Row:
    """Run an operation, with its key if it has one, and return the row that it made.

    Raises Problem for a refusal that was recorded under the key.
    """
    if idempotency_key is None:
        (row,) = await connections.fetch(operation.plain, *arguments)
        return row_type(**row)
    (row,) = await connections.fetch(operation.with_key, *arguments, idempotency_key)
    if row["sqlstate"]:
        raise refusal(row["sqlstate"], row["detail"], row["hint"], replayed=row["replayed"])
    return row_type(**row)
