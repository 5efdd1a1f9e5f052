"""The wallet functions: one method per function, one statement per call.

Money is a Decimal, times are aware datetimes. Each method raises Problem for a refusal that was
recorded under an idempotency key, asyncpg.PostgresError for one that was raised, and whatever
Connections.fetch() raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import asyncpg

from service import statements
from service.config import Settings
from service.connections import Connections
from service.errors import refusal
from service.rows import AccountRow, BatchRows, RefusalRow, StatementRow, TransactionRow
from service.statements import Operation

_Row = TypeVar("_Row", AccountRow, TransactionRow)


class Database:
    """The wallet functions, called through a worker's connections."""

    def __init__(self, settings: Settings) -> None:
        self._connections = Connections(settings)
        self._fetch = self._connections.fetch

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections."""
        await self._connections.close()

    async def create_account(self, *, email: str, idempotency_key: str | None) -> AccountRow:
        return await self._run(statements.CREATE_ACCOUNT, AccountRow, idempotency_key, email)

    async def get_account(self, *, id: int) -> AccountRow:
        (row,) = await self._fetch(statements.GET_ACCOUNT, id)
        return AccountRow(**row)

    async def find_accounts(self, *, email: str) -> list[AccountRow]:
        return [AccountRow(**row) for row in await self._fetch(statements.FIND_ACCOUNTS, email)]

    async def deposit(
        self, *, account_id: int, amount: Decimal, idempotency_key: str | None
    ) -> TransactionRow:
        return await self._run(
            statements.DEPOSIT, TransactionRow, idempotency_key, account_id, amount
        )

    async def withdraw(
        self, *, account_id: int, amount: Decimal, idempotency_key: str | None
    ) -> TransactionRow:
        return await self._run(
            statements.WITHDRAW, TransactionRow, idempotency_key, account_id, amount
        )

    async def transfer(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
    ) -> TransactionRow:
        arguments = (source_account_id, target_account_id, amount)
        return await self._run(statements.TRANSFER, TransactionRow, idempotency_key, *arguments)

    async def enqueue_transfer(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
    ) -> TransactionRow:
        arguments = (source_account_id, target_account_id, amount)
        return await self._run(
            statements.ENQUEUE_TRANSFER, TransactionRow, idempotency_key, *arguments
        )

    async def transfer_or_enqueue(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        wait: Decimal,
        idempotency_key: str | None,
    ) -> TransactionRow:
        """`wait` is in seconds."""
        arguments = (source_account_id, target_account_id, amount, wait)
        return await self._run(
            statements.TRANSFER_OR_ENQUEUE, TransactionRow, idempotency_key, *arguments
        )

    async def transfer_batch(
        self,
        *,
        source_account_ids: Sequence[int],
        target_account_ids: Sequence[int],
        amounts: Sequence[Decimal | None],
        atomic: bool,
        idempotency_key: str | None,
    ) -> BatchRows:
        """The three sequences are equally long. An amount of None is refused as invalid_amount."""
        arguments = (
            [str(id) for id in source_account_ids],
            [str(id) for id in target_account_ids],
            [None if amount is None else str(amount) for amount in amounts],
            atomic,
        )
        operation = statements.TRANSFER_BATCH
        if idempotency_key is None:
            rows = await self._fetch(operation.plain, *arguments)
        else:
            rows = await self._fetch(operation.with_key, *arguments, idempotency_key)
        return BatchRows(
            # An empty batch with a key has one row, which holds no result.
            results=[_batch_result(row) for row in rows if row["state"]],
            replayed=bool(rows and rows[0].get("replayed")),
        )

    async def reverse(self, *, transaction_id: int, idempotency_key: str | None) -> TransactionRow:
        return await self._run(statements.REVERSE, TransactionRow, idempotency_key, transaction_id)

    async def get_transfer_result(self, *, id: int) -> TransactionRow:
        (row,) = await self._fetch(statements.GET_TRANSFER_RESULT, id)
        return TransactionRow(**row)

    async def get_statement(
        self, *, account_id: int, before: int | None, page_size: int
    ) -> list[StatementRow]:
        rows = await self._fetch(statements.GET_STATEMENT, account_id, before, page_size)
        return [StatementRow(**row) for row in rows]

    async def is_ready(self) -> bool:
        """Whether the database answers, and this user may execute every function."""
        return bool((await self._fetch(statements.IS_READY))[0][0])

    async def _run(
        self,
        operation: Operation,
        row_type: type[_Row],
        idempotency_key: str | None,
        *arguments: object,
    ) -> _Row:
        """Run an operation, with its key if it has one, and return the row that it made."""
        if idempotency_key is None:
            (row,) = await self._fetch(operation.plain, *arguments)
            return row_type(**row)
        (row,) = await self._fetch(operation.with_key, *arguments, idempotency_key)
        if row["sqlstate"]:
            raise refusal(row["sqlstate"], row["detail"], row["hint"], replayed=row["replayed"])
        return row_type(**row)


def _batch_result(row: asyncpg.Record) -> TransactionRow | RefusalRow:
    if row["state"] == "succeeded":
        return TransactionRow(**row)
    return RefusalRow(sqlstate=row["sqlstate"], detail=row["detail"], hint=row["hint"])
