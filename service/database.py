"""One method per SQL function, one statement per method.

A call that has begun runs to its end even if the request that made it goes away: a client that
hangs up must not cut the call off between its work and its commit.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

import asyncpg

from service.config import Settings
from service.errors import (
    NOTHING_DONE,
    OUTCOME_UNKNOWN,
    Problem,
    connection_is_stale,
    refusal,
)

logger = logging.getLogger("wallet")

# What is raised on this side when a connection is not to be had, lost, silent, or just being ended
# by the server (asyncpg calls that an internal error). A timeout is an OSError as well.
GONE = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)

# A connection that nobody used for so long is closed.
_IDLE_SECONDS = 300

_ACCOUNT = "SELECT id, email, balance, ctime FROM"
_TRANSACTION = "SELECT id, source_account_id, target_account_id, amount, ctime FROM"
# With a key, what was made or why it was refused comes wrapped in an answer.
_ANSWER = "SELECT a.replayed, (a.refusal).sqlstate, (a.refusal).detail, (a.refusal).hint,"
_ACCOUNT_ANSWER = f"""{_ANSWER}
(a.account).id, (a.account).email, (a.account).balance, (a.account).ctime FROM"""
_TRANSACTION_ANSWER = f"""{_ANSWER}
(a.transaction).id, (a.transaction).source_account_id, (a.transaction).target_account_id,
(a.transaction).amount, (a.transaction).ctime FROM"""
# What is made now or queued is an outcome; with a key, the only one of an answer.
_OUTCOME = "SELECT id, source_account_id, target_account_id, amount, ctime, state FROM"
_OUTCOME_ANSWER = f"""{_ANSWER}
(a.outcomes[1]).id, (a.outcomes[1]).source_account_id, (a.outcomes[1]).target_account_id,
(a.outcomes[1]).amount, (a.outcomes[1]).ctime, (a.outcomes[1]).state FROM"""
# text[] is the one array that asyncpg writes without asking the server about its type first.
_TRANSFERS = """ARRAY(
    SELECT ROW(r.source_account_id, r.target_account_id, r.amount)::wallet.transfer_request
    FROM unnest($1::text[]::bigint[], $2::text[]::bigint[], $3::text[]::numeric[])
        WITH ORDINALITY AS r (source_account_id, target_account_id, amount, item)
    ORDER BY r.item)"""
_RESULT = """SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime, o.state,
o.sqlstate, o.detail, o.hint"""

# What makes something: without a key, and with one.
CREATE_ACCOUNT = (
    f"{_ACCOUNT} wallet.create_account($1)",
    f"{_ACCOUNT_ANSWER} wallet.create_account($1, $2) a",
)
DEPOSIT = (
    f"{_TRANSACTION} wallet.deposit($1, $2)",
    f"{_TRANSACTION_ANSWER} wallet.deposit($1, $2, $3) a",
)
WITHDRAW = (
    f"{_TRANSACTION} wallet.withdraw($1, $2)",
    f"{_TRANSACTION_ANSWER} wallet.withdraw($1, $2, $3) a",
)
TRANSFER = (
    f"{_TRANSACTION} wallet.transfer($1, $2, $3)",
    f"{_TRANSACTION_ANSWER} wallet.transfer($1, $2, $3, $4) a",
)
REVERSE = (
    f"{_TRANSACTION} wallet.reverse($1)",
    f"{_TRANSACTION_ANSWER} wallet.reverse($1, $2) a",
)
ENQUEUE_TRANSFER = (
    f"{_OUTCOME} wallet.enqueue_transfer($1, $2, $3)",
    f"{_OUTCOME_ANSWER} wallet.enqueue_transfer($1, $2, $3, $4) a",
)
TRANSFER_OR_ENQUEUE = (
    f"{_OUTCOME} wallet.transfer_or_enqueue($1, $2, $3, $4)",
    f"{_OUTCOME_ANSWER} wallet.transfer_or_enqueue($1, $2, $3, $4, $5) a",
)
TRANSFER_BATCH = (
    f"{_RESULT} FROM wallet.transfer_batch({_TRANSFERS}, $4) o",
    # An answer without any outcome is a row as well: it says whether it was given before.
    f"""{_RESULT}, a.replayed FROM wallet.transfer_batch({_TRANSFERS}, $4, $5) a
LEFT JOIN LATERAL unnest(a.outcomes) WITH ORDINALITY o ON true ORDER BY o.ordinality""",
)

# What reads.
GET_ACCOUNT = f"{_ACCOUNT} wallet.get_account($1)"
FIND_ACCOUNTS = f"{_ACCOUNT} wallet.find_accounts($1)"
GET_OUTCOME = """
SELECT id, source_account_id, target_account_id, amount, ctime, state, sqlstate, detail
FROM wallet.get_outcome($1)
"""
GET_STATEMENT = """
SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance, ctime
FROM wallet.get_statement($1, $2, $3)
"""
IS_READY = """
SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(name), 'EXECUTE'), false))
FROM unnest(ARRAY[
    'wallet.create_account(text)',
    'wallet.get_account(bigint)',
    'wallet.deposit(bigint, numeric)',
    'wallet.transfer(bigint, bigint, numeric)',
    'wallet.get_outcome(bigint)',
    'wallet.withdraw(bigint, numeric)',
    'wallet.reverse(bigint)',
    'wallet.find_accounts(text)',
    'wallet.get_statement(bigint, bigint, int)',
    'wallet.create_account(text, text)',
    'wallet.deposit(bigint, numeric, text)',
    'wallet.withdraw(bigint, numeric, text)',
    'wallet.transfer(bigint, bigint, numeric, text)',
    'wallet.reverse(bigint, text)',
    'wallet.enqueue_transfer(bigint, bigint, numeric)',
    'wallet.enqueue_transfer(bigint, bigint, numeric, text)',
    'wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric)',
    'wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text)',
    'wallet.transfer_batch(wallet.transfer_request[], boolean)',
    'wallet.transfer_batch(wallet.transfer_request[], boolean, text)',
    'wallet.settle(int)'
]) AS name
-- Without USAGE, to_regprocedure() raises instead of returning NULL.
WHERE has_schema_privilege(to_regnamespace('wallet'), 'USAGE')
"""


def session_settings(settings: Settings, name: str) -> dict[str, str]:
    """What PostgreSQL is told when a connection is made."""
    return {
        "application_name": name,
        "default_transaction_isolation": "read committed",
        "statement_timeout": str(int(settings.statement_timeout * 1000)),
        "lock_timeout": str(int(settings.lock_timeout * 1000)),
    }


def replayed(row: asyncpg.Record) -> dict[str, str]:
    """The header that says so when the answer was given before."""
    return {"Idempotency-Replayed": "true"} if row.get("replayed") else {}


class _Call(NamedTuple):
    """A statement to run, and who waits for what comes of it."""

    statement: str
    arguments: tuple[object, ...]
    answer: asyncio.Future[list[asyncpg.Record]]


class Database:
    """A worker's connections, and the functions that can be called through them.

    Each connection has a task, which runs the calls that it is handed, one after another. The
    request only waits for the answer: when it goes away, a call that has begun goes on. It is made
    while the event loop runs; each task connects when it is first handed a call.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call] = deque()
        # Tasks that have nothing to do; the one to be handed the next call is the last.
        self._idle: list[asyncio.Future[_Call | None]] = []
        self._closing = False
        # Connections of an earlier generation are not used any more.
        self._generation = 0
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(settings.pool_size)]

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections."""
        self._closing = True
        while self._idle:
            self._idle.pop().set_result(None)
        await asyncio.gather(*self._tasks)

    async def create_account(self, email: str, key: str | None) -> asyncpg.Record:
        return await self._make(CREATE_ACCOUNT, key, email)

    async def get_account(self, id: int) -> asyncpg.Record:
        return (await self._call(GET_ACCOUNT, id))[0]

    async def find_accounts(self, email: str) -> list[asyncpg.Record]:
        return await self._call(FIND_ACCOUNTS, email)

    async def deposit(self, account_id: int, amount: Decimal, key: str | None) -> asyncpg.Record:
        return await self._make(DEPOSIT, key, account_id, amount)

    async def withdraw(self, account_id: int, amount: Decimal, key: str | None) -> asyncpg.Record:
        return await self._make(WITHDRAW, key, account_id, amount)

    async def transfer(
        self, source_account_id: int, target_account_id: int, amount: Decimal, key: str | None
    ) -> asyncpg.Record:
        return await self._make(TRANSFER, key, source_account_id, target_account_id, amount)

    async def enqueue_transfer(
        self, source_account_id: int, target_account_id: int, amount: Decimal, key: str | None
    ) -> asyncpg.Record:
        return await self._make(ENQUEUE_TRANSFER, key, source_account_id, target_account_id, amount)

    async def transfer_or_enqueue(
        self,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        wait: Decimal,
        key: str | None,
    ) -> asyncpg.Record:
        """`wait` is in seconds."""
        arguments = (source_account_id, target_account_id, amount, wait)
        return await self._make(TRANSFER_OR_ENQUEUE, key, *arguments)

    async def transfer_batch(
        self,
        source_account_ids: list[int],
        target_account_ids: list[int],
        amounts: list[Decimal | None],
        atomic: bool,
        key: str | None,
    ) -> list[asyncpg.Record]:
        """An outcome for each; with a key and no transfer at all, a row of nothing but NULLs."""
        arguments: list[object] = [
            [str(id) for id in source_account_ids],
            [str(id) for id in target_account_ids],
            [None if amount is None else str(amount) for amount in amounts],
            atomic,
        ]
        without_key, with_key = TRANSFER_BATCH
        if key is None:
            return await self._call(without_key, *arguments)
        return await self._call(with_key, *arguments, key)

    async def reverse(self, transaction_id: int, key: str | None) -> asyncpg.Record:
        return await self._make(REVERSE, key, transaction_id)

    async def get_outcome(self, id: int) -> asyncpg.Record:
        return (await self._call(GET_OUTCOME, id))[0]

    async def get_statement(
        self, account_id: int, before: int | None, page_size: int
    ) -> list[asyncpg.Record]:
        return await self._call(GET_STATEMENT, account_id, before, page_size)

    async def is_ready(self) -> bool:
        """Whether the database answers and has every function, with leave to execute it."""
        return bool((await self._call(IS_READY))[0][0])

    async def _make(
        self, operation: tuple[str, str], key: str | None, *arguments: object
    ) -> asyncpg.Record:
        """What the operation made. Raises Problem for a refusal that came as an answer."""
        without_key, with_key = operation
        if key is None:
            return (await self._call(without_key, *arguments))[0]
        answer = (await self._call(with_key, *arguments, key))[0]
        if answer["sqlstate"]:
            problem = refusal(answer["sqlstate"], answer["detail"], answer["hint"])
            problem.headers.update(replayed(answer))
            raise problem
        return answer

    async def _call(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        call = _Call(statement, arguments, self._loop.create_future())
        if self._idle:
            self._idle.pop().set_result(call)
            return await call.answer
        self._waiting.append(call)
        timer = self._loop.call_later(self._settings.pool_timeout, self._turn_away, call)
        try:
            return await call.answer
        finally:
            timer.cancel()

    def _turn_away(self, call: _Call) -> None:
        """Let a call wait no longer, unless it has begun."""
        with suppress(ValueError):
            self._waiting.remove(call)
            call.answer.set_exception(
                Problem("busy", f"Every database connection is in use. {NOTHING_DONE}")
            )

    async def _serve(self) -> None:
        """Run calls through one connection, until there is none left when it is time to close."""
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
                if not call.answer.done():
                    call.answer.set_exception(error)
            else:
                if not call.answer.done():
                    call.answer.set_result(rows)
        if connection:
            with suppress(asyncpg.PostgresError, *GONE):
                await connection.close()

    async def _next_call(self, connection: asyncpg.Connection | None) -> _Call | None:
        while self._waiting:
            call = self._waiting.popleft()
            if not call.answer.done():  # Else whoever asked went away, and it has not begun.
                return call
        if self._closing:
            return None
        turn: asyncio.Future[_Call | None] = self._loop.create_future()
        if connection is None or connection.is_closed():
            self._idle.insert(0, turn)  # Those that are connected come first.
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
                timeout=settings.pool_timeout,
                # Only a server that went silent gets here: statement_timeout comes first.
                command_timeout=settings.statement_timeout + 5,
                server_settings=session_settings(settings, "pgwallet"),
            )
        except (asyncpg.PostgresError, *GONE) as error:
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
        except GONE as error:
            if isinstance(error, asyncpg.InterfaceError) and not connection.is_closed():
                raise  # Not the connection's fault.
            connection.terminate()
            logger.warning("the database went away: %r", error)
            raise Problem("database_unavailable", OUTCOME_UNKNOWN) from error
