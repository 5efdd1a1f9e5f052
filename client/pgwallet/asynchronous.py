"""The client for asyncio: as pgwallet.synchronous, with `await` and `async for`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any

import httpx

from pgwallet.core import Call, Core, Reply, T, said
from pgwallet.errors import Problem
from pgwallet.objects import (
    Account,
    Amount,
    Hold,
    Queue,
    StatementLine,
    Transaction,
    Transfer,
    Version,
    Violation,
    Wait,
)


class AsyncWallet:
    """A client of the service at `url`. Tasks of one event loop may share one.

    Each attempt may take `timeout` seconds. What is transient (503, 429, a reset, a timeout) is
    tried again, and no attempt begins later than `retry_for` seconds after the first. Every POST
    has an idempotency key, given or made, so it happens at most once. `http` is a client of your
    own, which has a proxy or a certificate, say; you close it.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 10.0,
        retry_for: float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._http = http or httpx.AsyncClient()
        self._closes = http is None
        self._core = Core(self._http, url, api_key, timeout, retry_for)

    def __repr__(self) -> str:
        return f"AsyncWallet({self._core.url!r})"

    async def __aenter__(self) -> AsyncWallet:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._closes:
            await self._http.aclose()

    async def create_account(
        self,
        email: str,
        *,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Account:
        """Open a wallet for an email address; one address may own several."""
        return await self._run(
            self._core.create_account(email, idempotency_key, said(reference, metadata))
        )

    async def find_accounts(
        self,
        email: str | None = None,
        *,
        reference: str | None = None,
        page_size: int | None = None,
        after: int | None = None,
    ) -> AsyncIterator[Account]:
        """The wallets of an email address or a reference, the oldest first, page after page."""
        while True:
            page = await self._run(self._core.find_accounts(email, reference, page_size, after))
            for item in page.items:
                yield item
            if page.next is None:
                return
            after = page.next

    async def get_account(self, id: int) -> Account:
        """Read a wallet."""
        return await self._run(self._core.get_account(id))

    async def freeze_account(self, id: int) -> Account:
        """Keep a wallet out of new transactions."""
        return await self._run(self._core.freeze_account(id))

    async def unfreeze_account(self, id: int) -> Account:
        """Let a wallet take part in transactions again."""
        return await self._run(self._core.unfreeze_account(id))

    async def set_email(self, account_id: int, email: str) -> Account:
        """Give a wallet another email address."""
        return await self._run(self._core.set_email(account_id, email))

    async def annotate_account(
        self,
        account_id: int,
        *,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Account:
        """Give a wallet a reference and metadata, in place of those that it has."""
        return await self._run(self._core.annotate_account(account_id, said(reference, metadata)))

    async def deposit(
        self,
        account_id: int,
        amount: Amount,
        *,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Pay in from outside."""
        return await self._run(
            self._core.deposit(account_id, amount, idempotency_key, said(reference, metadata))
        )

    async def withdraw(
        self,
        account_id: int,
        amount: Amount,
        *,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Pay out to outside."""
        return await self._run(
            self._core.withdraw(account_id, amount, idempotency_key, said(reference, metadata))
        )

    async def get_statement(
        self, account_id: int, *, page_size: int | None = None, before: int | None = None
    ) -> AsyncIterator[StatementLine]:
        """A wallet's entries, the newest first, page after page."""
        while True:
            page = await self._run(self._core.get_statement(account_id, page_size, before))
            for item in page.items:
                yield item
            if page.next is None:
                return
            before = page.next

    async def hold(
        self,
        account_id: int,
        amount: Amount,
        *,
        expires_in: int | None = None,
        idempotency_key: str | None = None,
    ) -> Hold:
        """Reserve money for so many seconds, 7 days unless it is said."""
        return await self._run(self._core.hold(account_id, amount, expires_in, idempotency_key))

    async def get_holds(
        self, account_id: int, *, page_size: int | None = None, before: int | None = None
    ) -> AsyncIterator[Hold]:
        """A wallet's holds, the newest first, page after page."""
        while True:
            page = await self._run(self._core.get_holds(account_id, page_size, before))
            for item in page.items:
                yield item
            if page.next is None:
                return
            before = page.next

    async def get_hold(self, id: int) -> Hold:
        """Read a hold."""
        return await self._run(self._core.get_hold(id))

    async def capture(
        self,
        hold_id: int,
        amount: Amount | None = None,
        target_account_id: int | None = None,
        *,
        final: bool = False,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Take held money, all that is left without an amount; without a target it goes outside.

        What is left then stays held, unless the capture is `final`.
        """
        return await self._run(
            self._core.capture(
                hold_id,
                amount,
                target_account_id,
                final,
                idempotency_key,
                said(reference, metadata),
            )
        )

    async def release(self, hold_id: int, *, idempotency_key: str | None = None) -> Hold:
        """Give back what is left of a hold."""
        return await self._run(self._core.release(hold_id, idempotency_key))

    async def set_limits(
        self, account_id: int, *, minimum: Amount | None = None, maximum: Amount | None = None
    ) -> Account:
        """Set what a wallet's balance may not fall below and not pass; None leaves one as it is."""
        return await self._run(self._core.set_limits(account_id, minimum, maximum))

    async def transfer(
        self,
        source_account_id: int,
        target_account_id: int,
        amount: Amount,
        *,
        queue_after: float | None = None,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Move money from one wallet to another.

        With `queue_after` it is queued if its accounts are still busy after so many seconds, and at
        once if that is 0. It is then `pending`, and `wait()` waits for its result.
        """
        transfer = Transfer(source_account_id, target_account_id, amount, reference, metadata)
        return await self._run(self._core.transfer(transfer, queue_after, idempotency_key))

    async def transfer_batch(
        self,
        transfers: Iterable[Transfer],
        *,
        atomic: bool,
        idempotency_key: str | None = None,
    ) -> list[Transaction | Problem]:
        """Make many transfers, one after another; or none, if atomic and any is refused.

        Returns the result of each in their order: a refusal is returned, not raised.
        """
        return await self._run(self._core.transfer_batch(transfers, atomic, idempotency_key))

    async def find_transactions(
        self,
        *,
        reference: str | None = None,
        account_id: int | None = None,
        from_time: datetime | None = None,
        to_time: datetime | None = None,
        page_size: int | None = None,
        before: int | None = None,
    ) -> AsyncIterator[Transaction]:
        """Transactions, the newest first, page after page: of a reference, a wallet, or all.

        A period needs a reference or an account_id. Times are aware datetimes.
        """
        while True:
            page = await self._run(
                self._core.find_transactions(
                    reference, account_id, from_time, to_time, page_size, before
                )
            )
            for item in page.items:
                yield item
            if page.next is None:
                return
            before = page.next

    async def get_transaction(self, id: int) -> Transaction:
        """Read a transaction, including a pending or a failed one."""
        return await self._run(self._core.get_transaction(id))

    async def wait(self, id: int, *, seconds: float = 60.0) -> Transaction:
        """Wait until a queued transfer has succeeded, and return it.

        Raises what `transfer()` would have raised if it failed, and StillPending after so many
        seconds.
        """
        return await self._run(self._core.wait(id, seconds))

    async def reverse(
        self,
        transaction_id: int,
        *,
        reference: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Take a transaction back: a new one moves the same amount the other way. Once."""
        return await self._run(
            self._core.reverse(transaction_id, idempotency_key, said(reference, metadata))
        )

    async def cancel(self, id: int) -> Transaction:
        """Take a pending transaction out of the queue: it has failed, as cancelled."""
        return await self._run(self._core.cancel(id))

    async def audit(self) -> list[Violation]:
        """What does not add up in the whole ledger: nothing, if it is sound; at most 100."""
        return await self._run(self._core.audit())

    async def get_queue(self) -> Queue:
        """How many transfers are pending, and the first 50 of them."""
        return await self._run(self._core.get_queue())

    async def get_account_waits(self) -> list[Wait]:
        """Who waits for which account, and for whom; at most 100, the longest wait first."""
        return await self._run(self._core.get_account_waits())

    async def version(self) -> Version:
        """The versions of the service and of the schema."""
        return await self._run(self._core.version())

    async def live(self) -> None:
        """Return if the process lives."""
        await self._run(self._core.live())

    async def ready(self) -> None:
        """Return once the service can serve requests."""
        await self._run(self._core.ready())

    async def _run(self, call: Call[T]) -> T:
        reply: Reply = None
        while True:
            try:
                step = call.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, httpx.Request):
                try:
                    reply = await self._http.send(step)
                except httpx.RequestError as error:
                    reply = error
            else:
                await asyncio.sleep(step)
                reply = None
