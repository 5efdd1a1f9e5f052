"""The hand-out of connections: which call runs on which connection, and when.

A call that has begun runs to its end even if its request goes away: a client that hangs up must not
cut the call off between its work and its commit.

A call is sent once. If its connection is lost or falls silent, its outcome is unknown, and a second
try could pay twice. Nor is it cancelled: a commit that waits for a standby would then be visible,
and nothing would say that the standby lacks it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import suppress
from math import inf
from typing import Any, NamedTuple, TypeVar

import asyncpg

from service.bodies import Annotation
from service.config import Settings
from service.errors import (
    NOTHING_DONE,
    OUTCOME_UNKNOWN,
    Problem,
    connection_is_stale,
    is_about_the_call,
    refusal,
)
from service.metrics import count_wait
from service.rows import AccountRow, HoldRow, TransactionRow
from service.statements import LEFT_BEHIND
from service.troubles import CANNOT_CONNECT, CANNOT_SERVE, LOST, Troubles

Row = TypeVar("Row", AccountRow, HoldRow, TransactionRow)

CONNECTION_ERRORS = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What this side raises when a connection cannot be had, is lost, falls silent (a TimeoutError is
an OSError), or is being closed by the server (asyncpg calls that an internal error)."""

# A connection that has been idle for so long is closed.
_IDLE_SECONDS = 300

# Only a silent server takes so much longer than statement_timeout, which does not count a commit.
_COMMIT_SECONDS = 5

# Pauses in seconds between two tries to connect to a server that is silent.
_FIRST_PAUSE, _MAX_PAUSE = 0.25, 4.0


def silent_after(settings: Settings) -> float:
    """Seconds after which a call that has no answer counts as lost."""
    return settings.statement_timeout + _COMMIT_SECONDS


class NotReplicated(Exception):
    """A commit's wait for its standby was cut short: it counts as done, but may not last."""


class _Pause:
    """When to try again: each failure doubles the pause."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._end = -inf

    def is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._end

    def failed(self) -> None:
        self._seconds = min(max(self._seconds * 2, _FIRST_PAUSE), _MAX_PAUSE)
        self._end = asyncio.get_running_loop().time() + self._seconds

    def succeeded(self) -> None:
        self._seconds, self._end = 0.0, -inf


class Connection:
    """A connection, and what is known about it. Times are the event loop's."""

    def __init__(self, raw: asyncpg.Connection, opened: float) -> None:
        self.raw = raw
        self.pid: int = raw.get_server_pid()
        self.opened = opened
        self.heard = opened
        """When the last call that was answered was sent."""
        self._is_silent = False
        self._was_cut_short = False
        raw.add_log_listener(self._hear)

    async def fetch(
        self, statement: str, arguments: tuple[object, ...], seconds: float
    ) -> list[asyncpg.Record]:
        """Run a statement. Raises NotReplicated, or what asyncpg raises, or TimeoutError if there
        is no answer in so many seconds; the connection is closed then.
        """
        loop = asyncio.get_running_loop()
        begin = loop.time()
        # asyncpg's own timeout would ask the server to cancel the call.
        timer = loop.call_at(begin + seconds, self._end_silence)
        try:
            rows: list[asyncpg.Record] = await self.raw.fetch(statement, *arguments)
        except asyncpg.PostgresError as error:
            if self._is_silent:
                raise TimeoutError(f"no answer in {seconds:g} s") from error
            self.heard = begin
            raise
        finally:
            timer.cancel()
        self.heard = begin
        if self._was_cut_short:
            self._was_cut_short = False
            raise NotReplicated("a commit's wait for its standby was cut short")
        return rows

    def _end_silence(self) -> None:
        self._is_silent = True
        self.raw.terminate()

    def _hear(self, _: asyncpg.Connection, message: asyncpg.PostgresLogMessage) -> None:
        # A WARNING of the commit, which then counts as done. Its words may be in any language.
        if message.server_source_function == "SyncRepWaitForLSN":
            self._was_cut_short = True


class Server:
    """What a process knows about the database's server. All its Connections share it.

    `name` is what pg_stat_activity shows. `synchronous_commit` holds for every session.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        synchronous_commit: str,
        troubles: Troubles | None = None,
    ) -> None:
        self.settings = settings
        self.troubles = troubles or Troubles()
        self._name = name
        self._synchronous_commit = synchronous_commit
        self._loop = asyncio.get_running_loop()
        # A connection that was opened before that is not used any more.
        self._stale_before = -inf
        # Nor is one that has answered no call since then: another one fell silent.
        self._silent_since = -inf
        # The server's processes that may still work for a connection that was ended here, and when
        # it was ended. None is opened in its place meanwhile: the server could run out of them.
        self._left: dict[int, float] = {}
        self._looking = asyncio.Lock()
        self._next_look, self._next_try = _Pause(), _Pause()

    def trusts(self, connection: Connection) -> bool:
        return connection.opened >= self._stale_before and connection.heard >= self._silent_since

    def went_away(self) -> None:
        """The server is going away or was demoted: no connection is used again."""
        self._stale_before = self._loop.time()

    def fell_silent(self, sent: float) -> None:
        """A call that was sent then has no answer: older connections may be silent as well."""
        self._silent_since = max(self._silent_since, sent)

    def leave(self, connection: Connection) -> None:
        """End a connection at once. The server may not notice for some time."""
        self._left[connection.pid] = self._loop.time()
        connection.raw.terminate()

    async def connect(self, lock_timeout: float, predecessor: int | None) -> Connection:
        """A new connection in the place of the one whose process is `predecessor`.

        `lock_timeout` is in seconds. Raises Problem, database_unavailable, if there is none or the
        process still works.
        """
        if predecessor not in self._left:
            return await self._open(lock_timeout)
        async with self._looking:
            if predecessor not in self._left:
                return await self._open(lock_timeout)
            if not self._next_look.is_over():
                raise _unreachable()
            connection = await self._open(lock_timeout)
            await self._look(connection)
            if predecessor in self._left:
                self._next_look.failed()
                connection.raw.terminate()
                raise _unreachable()
            self._next_look.succeeded()
            return connection

    async def _open(self, lock_timeout: float) -> Connection:
        if not self._next_try.is_over():
            raise _unreachable()
        settings = self.settings
        opened = self._loop.time()
        try:
            raw = await asyncpg.connect(
                settings.database_url,
                password=settings.database_password or None,
                timeout=settings.pool_timeout,
                server_settings={
                    "application_name": self._name,
                    "default_transaction_isolation": "read committed",
                    "statement_timeout": str(int(settings.statement_timeout * 1000)),
                    "lock_timeout": str(int(lock_timeout * 1000)),
                    # What is sent here comes before what the role and the database set.
                    "synchronous_commit": self._synchronous_commit,
                },
            )
        except (asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
            if isinstance(error, TimeoutError):
                self._next_try.failed()
            self.troubles.met(CANNOT_CONNECT, error)
            raise _unreachable() from error
        self._next_try.succeeded()
        keep_alive(raw)
        return Connection(raw, opened)

    async def _look(self, connection: Connection) -> None:
        """Forget the processes that are gone, and end those that wait for a call."""
        left = dict(self._left)
        seconds = [str(self._loop.time() - ended) for ended in left.values()]
        try:
            rows = await connection.fetch(
                LEFT_BEHIND, (list(map(str, left)), seconds), self.settings.pool_timeout
            )
        except (asyncpg.PostgresError, *CONNECTION_ERRORS) as error:
            self._next_look.failed()
            self.leave(connection)
            self.troubles.met(CANNOT_CONNECT, error)
            raise _unreachable() from error
        for pid in left.keys() - {row["pid"] for row in rows}:
            del self._left[pid]


def keep_alive(raw: asyncpg.Connection) -> None:
    """Have the system notice within half a minute that nobody answers an idle connection."""
    end = raw._transport.get_extra_info("socket")
    if end.family != socket.AF_UNIX:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            if option := getattr(socket, name, None):
                end.setsockopt(socket.IPPROTO_TCP, option, value)


def _unreachable() -> Problem:
    return Problem("database_unavailable", f"The database cannot be reached. {NOTHING_DONE}")


class _Call(NamedTuple):
    """A statement to run, and the future that its rows or its error go to."""

    statement: str
    arguments: tuple[object, ...]
    rows: asyncio.Future[list[asyncpg.Record]]


class Connections:
    """A worker's connections to the database for one kind of call.

    Each connection has a task, which runs the calls that it is handed, one after another. A request
    only awaits the rows. Make it while the event loop runs; a task connects when it is first handed
    a call. A call that has no answer in `patience` seconds counts as lost.
    """

    def __init__(
        self,
        server: Server,
        *,
        size: int,
        lock_timeout: float,
        patience: float | None = None,
    ) -> None:
        self.size = size
        self._server = server
        self._lock_timeout = lock_timeout
        self._pool_timeout = server.settings.pool_timeout
        self._silent_after = patience or silent_after(server.settings)
        # Longer than any wait for a lock, and well before the call counts as lost.
        self._in_doubt_after = server.settings.lock_timeout + 1
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call] = deque()
        # Each idle task awaits its next call. The last of them is handed the next one.
        self._idle: list[asyncio.Future[_Call | None]] = []
        self._closing = False
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(size)]

    @property
    def in_use(self) -> int:
        """How many run a call."""
        return self.size - len(self._idle)

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
        count_wait()
        self._waiting.append(call)
        timer = self._loop.call_later(self._pool_timeout, self._turn_away, call)
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
        connection: Connection | None = None
        predecessor: int | None = None
        while call := await self._next_call(connection):
            try:
                if connection and not self._server.trusts(connection):
                    self._server.leave(connection)
                if connection is None or connection.raw.is_closed():
                    predecessor = connection.pid if connection else predecessor
                    connection = None
                    connection = await self._server.connect(self._lock_timeout, predecessor)
                rows = await self._run(connection, call)
            except Exception as error:
                if not call.rows.done():
                    call.rows.set_exception(error)
            else:
                if not call.rows.done():
                    call.rows.set_result(rows)
        if connection:
            with suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
                await connection.raw.close(timeout=5)

    async def _next_call(self, connection: Connection | None) -> _Call | None:
        while self._waiting:
            call = self._waiting.popleft()
            if not call.rows.done():  # Else its request went away before it began.
                return call
        if self._closing:
            return None
        turn: asyncio.Future[_Call | None] = self._loop.create_future()
        if connection is None or connection.raw.is_closed():
            self._idle.insert(0, turn)  # Tasks that are connected are used first.
            return await turn
        self._idle.append(turn)
        timer = self._loop.call_later(_IDLE_SECONDS, connection.raw.terminate)
        try:
            return await turn
        finally:
            timer.cancel()

    async def _run(self, connection: Connection, call: _Call) -> list[asyncpg.Record]:
        server = self._server
        begin = self._loop.time()
        # Other connections that are not heard meanwhile get no calls from then on.
        doubt = self._loop.call_at(begin + self._in_doubt_after, server.fell_silent, begin)
        try:
            rows = await connection.fetch(call.statement, call.arguments, self._silent_after)
        except NotReplicated as error:
            server.troubles.met(LOST, error, self)
            raise Problem("database_unavailable", OUTCOME_UNKNOWN) from error
        except asyncpg.PostgresError as error:
            if connection_is_stale(error):
                server.went_away()
                server.troubles.met(LOST, error, self)
                if connection.raw.is_closed():
                    server.leave(connection)
            elif not is_about_the_call(error):
                server.troubles.met(CANNOT_SERVE, error, self)
            raise
        except CONNECTION_ERRORS as error:
            if isinstance(error, asyncpg.InterfaceError) and not connection.raw.is_closed():
                raise  # Not the connection's fault.
            if isinstance(error, TimeoutError):
                server.fell_silent(begin)
            server.troubles.met(LOST, error, self)
            server.leave(connection)
            raise Problem("database_unavailable", OUTCOME_UNKNOWN) from error
        finally:
            doubt.cancel()
        if server.troubles.ongoing:
            server.troubles.passed(self)
        return rows


class TwoTries:
    """Connections for calls that lock. What a lock keeps waiting holds up no other call.

    The sessions of `first` wait only a moment for a lock. A call that waits longer has done nothing
    when it fails, and runs again on `waiting`, whose sessions wait for WALLET_LOCK_TIMEOUT.
    """

    def __init__(self, first: Connections, waiting: Connections) -> None:
        self._first = first
        self._waiting = waiting

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """As Connections.fetch()."""
        try:
            return await self._first.fetch(statement, *arguments)
        except asyncpg.LockNotAvailableError:
            return await self._waiting.fetch(statement, *arguments)


async def run_operation(
    connections: Connections | TwoTries,
    statement: str,
    row_type: type[Row],
    *arguments: object,
    idempotency_key: str | None,
    actor: str | None,
    annotation: Annotation | None = None,
) -> Row:
    """Run an operation, once for its key if it has one, and return the row that it made.

    A key remembers the annotation too, so what it made has the one that is given now. Raises
    Problem for a refusal that was returned.
    """
    said: dict[str, Any] = {}
    if annotation is not None:
        said = {"reference": annotation.reference, "metadata": annotation.metadata}
    (row,) = await connections.fetch(statement, *arguments, idempotency_key, actor, *said.values())
    if row["sqlstate"]:
        raise refusal(row["sqlstate"], row["detail"], row["hint"], replayed=row["replayed"])
    return row_type(**row, **said)
