"""One method per SQL function, one statement per method.

A call that has begun runs to its end even if the request that made it goes away: a client that
hangs up must not cut the call off between its work and its commit.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from decimal import Decimal

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
_GONE = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_ACCOUNT = "SELECT id, email, balance, ctime FROM"
_TRANSACTION = "SELECT id, source_account_id, target_account_id, amount, ctime FROM"
# With a key, what was made or why it was refused comes wrapped in an answer.
_ANSWER = "SELECT a.replayed, (a.refusal).sqlstate, (a.refusal).detail, (a.refusal).hint,"
_ACCOUNT_ANSWER = f"""{_ANSWER}
(a.account).id, (a.account).email, (a.account).balance, (a.account).ctime FROM"""
_TRANSACTION_ANSWER = f"""{_ANSWER}
(a.transaction).id, (a.transaction).source_account_id, (a.transaction).target_account_id,
(a.transaction).amount, (a.transaction).ctime FROM"""

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

# What reads.
GET_ACCOUNT = f"{_ACCOUNT} wallet.get_account($1)"
FIND_ACCOUNTS = f"{_ACCOUNT} wallet.find_accounts($1)"
GET_TRANSACTION = f"{_TRANSACTION} wallet.get_transaction($1)"
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
    'wallet.get_transaction(bigint)',
    'wallet.withdraw(bigint, numeric)',
    'wallet.reverse(bigint)',
    'wallet.find_accounts(text)',
    'wallet.get_statement(bigint, bigint, int)',
    'wallet.create_account(text, text)',
    'wallet.deposit(bigint, numeric, text)',
    'wallet.withdraw(bigint, numeric, text)',
    'wallet.transfer(bigint, bigint, numeric, text)',
    'wallet.reverse(bigint, text)'
]) AS name
-- Without USAGE, to_regprocedure() raises instead of returning NULL.
WHERE has_schema_privilege(to_regnamespace('wallet'), 'USAGE')
"""


async def _keep(connection: asyncpg.Connection) -> None:
    """Leave a returned connection as it is: one function call has nothing to reset."""


def replayed(row: asyncpg.Record) -> dict[str, str]:
    """The header that says so when the answer was given before."""
    return {"Idempotency-Replayed": "true"} if row.get("replayed") else {}


class Database:
    """A worker's pool of connections, and the functions that can be called through it."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings) -> None:
        self._pool = pool
        self._pool_timeout = settings.pool_timeout
        self._calls: set[asyncio.Task[list[asyncpg.Record]]] = set()

    @classmethod
    async def open(cls, settings: Settings) -> Database:
        """Make the pool. It connects when it is first used."""
        pool = await asyncpg.create_pool(
            settings.database_url,
            min_size=0,
            max_size=settings.pool_size,
            reset=_keep,
            # Only a server that went silent gets here: statement_timeout comes first.
            command_timeout=settings.statement_timeout + 5,
            server_settings={
                "application_name": "pgwallet",
                "default_transaction_isolation": "read committed",
                "statement_timeout": str(int(settings.statement_timeout * 1000)),
                "lock_timeout": str(int(settings.lock_timeout * 1000)),
            },
        )
        return cls(pool, settings)

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections."""
        if self._calls:
            await asyncio.wait(self._calls)
        await self._pool.close()

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

    async def reverse(self, transaction_id: int, key: str | None) -> asyncpg.Record:
        return await self._make(REVERSE, key, transaction_id)

    async def get_transaction(self, id: int) -> asyncpg.Record:
        return (await self._call(GET_TRANSACTION, id))[0]

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
        call = asyncio.ensure_future(self._run(statement, arguments))
        self._calls.add(call)
        call.add_done_callback(self._finished)
        return await asyncio.shield(call)

    def _finished(self, call: asyncio.Task[list[asyncpg.Record]]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # Nobody may be left to ask for it.

    async def _run(self, statement: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
        try:
            connection = await self._pool.acquire(timeout=self._pool_timeout)
        except TimeoutError:
            raise Problem("busy", f"Every database connection is in use. {NOTHING_DONE}") from None
        except (asyncpg.PostgresError, *_GONE) as error:
            logger.error("cannot connect to the database: %s", error)
            raise Problem(
                "database_unavailable", f"The database cannot be reached. {NOTHING_DONE}"
            ) from error
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return rows
        except asyncpg.PostgresError as error:
            if connection_is_stale(error):
                logger.warning("the database went away: %s", error)
                await self._pool.expire_connections()
            raise
        except _GONE as error:
            if isinstance(error, asyncpg.InterfaceError) and not connection.is_closed():
                raise  # Not the connection's fault.
            connection.terminate()
            logger.warning("the database went away: %r", error)
            raise Problem("database_unavailable", OUTCOME_UNKNOWN) from error
        finally:
            # Closing a connection that is gone must not change what the call has come to.
            with suppress(asyncpg.PostgresError, *_GONE):
                await self._pool.release(connection)
