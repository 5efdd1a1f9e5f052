"""The wallet functions: one method per function, one statement per call.

Money is a Decimal, times are aware datetimes. `actor` is who asks: an API key's name, or None for
the role that calls. Each method raises Problem for a refusal that was returned,
asyncpg.PostgresError for one that was raised, and whatever Connections.fetch() raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import datetime
from decimal import Decimal

import asyncpg
from msgspec import structs

from service import statements
from service.bodies import Annotation
from service.config import Settings
from service.connections import Connections, Server, TwoTries, run_operation
from service.errors import Problem
from service.groups import GROUP_WAIT, Groups
from service.limits import AUDIT_TIMEOUT, MAX_VIOLATIONS
from service.reads import Reads
from service.rows import (
    AccountRow,
    BatchRows,
    HoldRow,
    QueueRow,
    RefusalRow,
    StatementRow,
    TransactionRow,
    ViolationRow,
    WaitRow,
)


class Database:
    """The wallet functions, called through a worker's connections.

    A read that is not `fresh` may come from a standby.
    """

    def __init__(self, settings: Settings, synchronous_commit: str) -> None:
        server = Server(settings, "pgwallet", synchronous_commit)

        def connections(size: int, lock_timeout: float = settings.lock_timeout) -> Connections:
            return Connections(server, size=size, lock_timeout=lock_timeout)

        # No call holds up another kind of call: each kind has connections of its own.
        quarter, lanes = settings.pool_size // 4, settings.pool_size // 5
        group = 1 if settings.group_max > 1 else quarter
        self._primary = connections(quarter)
        self._reads = Reads(settings, self._primary, synchronous_commit)
        self._waiting = connections(quarter)
        self._others = connections(
            settings.pool_size - 2 * quarter - group - lanes, lock_timeout=GROUP_WAIT / 1000
        )
        self._locking = TwoTries(self._others, self._waiting)
        self._group = connections(group, lock_timeout=GROUP_WAIT / 1000)
        self._lanes = connections(lanes)
        # An audit takes long. It connects when it is asked for, beside the pool.
        long = structs.replace(settings, statement_timeout=AUDIT_TIMEOUT)
        self._audit = Connections(
            Server(long, "pgwallet audit", synchronous_commit),
            size=1,
            lock_timeout=settings.lock_timeout,
        )
        self._groups = Groups(settings, group=self._group, lanes=self._lanes)

        self._all = (
            *(self._primary, self._waiting, self._others, self._group, self._lanes),
            self._audit,
        )

    @property
    def in_use(self) -> int:
        """How many connections run a call."""
        return self._reads.in_use + sum(connections.in_use for connections in self._all)

    async def close(self) -> None:
        """Let the calls in flight end, then close the connections."""
        await self._groups.close()
        await self._reads.close()
        for connections in self._all:
            await connections.close()

    async def create_account(
        self, *, email: str, idempotency_key: str | None, actor: str | None, annotation: Annotation
    ) -> AccountRow:
        return await run_operation(
            self._locking,
            statements.CREATE_ACCOUNT,
            AccountRow,
            email,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def get_account(self, *, id: int, fresh: bool = False) -> AccountRow:
        (row,) = await self._reads.fetch(statements.GET_ACCOUNT, id, fresh=fresh)
        return AccountRow(**row)

    async def freeze_account(self, *, id: int, actor: str | None) -> AccountRow:
        (row,) = await self._locking.fetch(statements.FREEZE_ACCOUNT, id, actor)
        return AccountRow(**row)

    async def unfreeze_account(self, *, id: int, actor: str | None) -> AccountRow:
        (row,) = await self._locking.fetch(statements.UNFREEZE_ACCOUNT, id, actor)
        return AccountRow(**row)

    async def set_email(self, *, account_id: int, email: str, actor: str | None) -> AccountRow:
        (row,) = await self._locking.fetch(statements.SET_EMAIL, account_id, email, actor)
        return AccountRow(**row)

    async def find_accounts(
        self,
        *,
        email: str | None,
        reference: str | None,
        after: int | None,
        page_size: int,
        fresh: bool = False,
    ) -> list[AccountRow]:
        arguments = (email, after, page_size, reference)
        rows = await self._reads.fetch(statements.FIND_ACCOUNTS, *arguments, fresh=fresh)
        return [AccountRow(**row) for row in rows]

    async def deposit(
        self,
        *,
        account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        return await self._groups.run(
            "deposit",
            source_account_id=None,
            target_account_id=account_id,
            amount=amount,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def withdraw(
        self,
        *,
        account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        return await self._groups.run(
            "withdraw",
            source_account_id=account_id,
            target_account_id=None,
            amount=amount,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def transfer(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        return await self._groups.run(
            "transfer",
            source_account_id=source_account_id,
            target_account_id=target_account_id,
            amount=amount,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def enqueue_transfer(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        arguments = (source_account_id, target_account_id, amount)
        return await run_operation(
            self._locking,
            statements.ENQUEUE_TRANSFER,
            TransactionRow,
            *arguments,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def transfer_or_enqueue(
        self,
        *,
        source_account_id: int,
        target_account_id: int,
        amount: Decimal,
        wait: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        """`wait` is in seconds. What finds no connection to wait on is queued."""

        def run(connections: Connections, seconds: Decimal) -> Awaitable[TransactionRow]:
            return run_operation(
                connections,
                statements.TRANSFER_OR_ENQUEUE,
                TransactionRow,
                *(source_account_id, target_account_id, amount, seconds),
                idempotency_key=idempotency_key,
                actor=actor,
                annotation=annotation,
            )

        try:
            return await run(self._others, wait)
        except asyncpg.LockNotAvailableError:
            try:
                return await run(self._waiting, wait)
            except Problem as problem:
                if problem.code != "busy":
                    raise
                return await run(self._others, Decimal(0))

    async def transfer_batch(
        self,
        *,
        source_account_ids: Sequence[int],
        target_account_ids: Sequence[int],
        amounts: Sequence[Decimal | None],
        atomic: bool,
        idempotency_key: str | None,
        actor: str | None,
        annotations: Sequence[Annotation],
    ) -> BatchRows:
        """The four sequences are equally long. An amount of None is refused as invalid_amount."""
        arguments = (
            [str(id) for id in source_account_ids],
            [str(id) for id in target_account_ids],
            [None if amount is None else str(amount) for amount in amounts],
            atomic,
            idempotency_key,
            actor,
            [annotation.reference for annotation in annotations],
            [annotation.metadata for annotation in annotations],
        )
        rows = await self._locking.fetch(statements.TRANSFER_BATCH, *arguments)
        return BatchRows(
            # An empty batch has one row, which holds no result.
            results=[_batch_result(row) for row in rows if row["state"]],
            replayed=rows[0]["replayed"],
        )

    async def reverse(
        self,
        *,
        transaction_id: int,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        return await run_operation(
            self._locking,
            statements.REVERSE,
            TransactionRow,
            transaction_id,
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def cancel_pending(self, *, id: int, actor: str | None) -> TransactionRow:
        (row,) = await self._locking.fetch(statements.CANCEL_PENDING, id, actor)
        return TransactionRow(**row)

    async def audit(self) -> list[ViolationRow]:
        """The first violations of the whole ledger, each with the count of all."""
        rows = await self._audit.fetch(statements.AUDIT, MAX_VIOLATIONS)
        return [ViolationRow(**row) for row in rows]

    async def hold(
        self,
        *,
        account_id: int,
        amount: Decimal,
        expires_in: int,
        idempotency_key: str | None,
        actor: str | None,
    ) -> HoldRow:
        """`expires_in` is in seconds."""
        return await run_operation(
            self._locking,
            statements.HOLD,
            HoldRow,
            *(account_id, amount, float(expires_in)),
            idempotency_key=idempotency_key,
            actor=actor,
        )

    async def capture(
        self,
        *,
        hold_id: int,
        amount: Decimal | None,
        target_account_id: int | None,
        final: bool,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        return await run_operation(
            self._locking,
            statements.CAPTURE,
            TransactionRow,
            *(hold_id, amount, target_account_id, final),
            idempotency_key=idempotency_key,
            actor=actor,
            annotation=annotation,
        )

    async def release(
        self, *, hold_id: int, idempotency_key: str | None, actor: str | None
    ) -> HoldRow:
        return await run_operation(
            self._locking,
            statements.RELEASE,
            HoldRow,
            hold_id,
            idempotency_key=idempotency_key,
            actor=actor,
        )

    async def get_hold(self, *, id: int, fresh: bool = False) -> HoldRow:
        (row,) = await self._reads.fetch(statements.GET_HOLD, id, fresh=fresh)
        return HoldRow(**row)

    async def get_holds(
        self, *, account_id: int, before: int | None, page_size: int, fresh: bool = False
    ) -> list[HoldRow]:
        rows = await self._reads.fetch(
            statements.GET_HOLDS, account_id, before, page_size, fresh=fresh
        )
        return [HoldRow(**row) for row in rows]

    async def set_limits(
        self,
        *,
        account_id: int,
        minimum: Decimal | None,
        maximum: Decimal | None,
        actor: str | None,
    ) -> AccountRow:
        (row,) = await self._locking.fetch(
            statements.SET_LIMITS, account_id, minimum, maximum, actor
        )
        return AccountRow(**row)

    async def get_queue(self) -> list[QueueRow]:
        """The first transfers of the queue; one row without an id if nothing is pending."""
        return [QueueRow(**row) for row in await self._primary.fetch(statements.GET_QUEUE)]

    async def get_account_waits(self) -> list[WaitRow]:
        return [WaitRow(**row) for row in await self._primary.fetch(statements.GET_ACCOUNT_WAITS)]

    async def version(self) -> str:
        """The version of the schema."""
        ((version,),) = await self._primary.fetch(statements.VERSION)
        return str(version)

    async def describe_transaction(self, *, id: int, fresh: bool = False) -> TransactionRow:
        (row,) = await self._reads.fetch(statements.DESCRIBE_TRANSACTION, id, fresh=fresh)
        return TransactionRow(**row)

    async def find_transactions(
        self,
        *,
        reference: str | None,
        account_id: int | None,
        from_time: datetime | None,
        to_time: datetime | None,
        before: int | None,
        page_size: int,
        fresh: bool = False,
    ) -> list[TransactionRow]:
        arguments = (reference, account_id, from_time, to_time, before, page_size)
        rows = await self._reads.fetch(statements.FIND_TRANSACTIONS, *arguments, fresh=fresh)
        return [TransactionRow(**row) for row in rows]

    async def annotate_account(
        self, *, account_id: int, annotation: Annotation, actor: str | None
    ) -> AccountRow:
        arguments = (account_id, annotation.reference, annotation.metadata, actor)
        (row,) = await self._locking.fetch(statements.ANNOTATE_ACCOUNT, *arguments)
        return AccountRow(**row)

    async def get_statement(
        self, *, account_id: int, before: int | None, page_size: int, fresh: bool = False
    ) -> list[StatementRow]:
        rows = await self._reads.fetch(
            statements.GET_STATEMENT, account_id, before, page_size, fresh=fresh
        )
        return [StatementRow(**row) for row in rows]

    async def get_queue_depth(self) -> tuple[int, float | None]:
        """How many transfers are pending, and when the oldest was queued, as of time.time()."""
        row = (await self._primary.fetch(statements.GET_QUEUE_DEPTH))[0]
        return row["pending"], row["oldest"] and row["oldest"].timestamp()

    async def is_ready(self) -> bool:
        """Whether the database answers, and this user may execute every function."""
        return not (await self._primary.fetch(statements.MISSING))[0][0]


def _batch_result(row: asyncpg.Record) -> TransactionRow | RefusalRow:
    if row["state"] == "succeeded":
        return TransactionRow(**row)
    return RefusalRow(sqlstate=row["sqlstate"], detail=row["detail"], hint=row["hint"])
