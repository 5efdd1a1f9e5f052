"""Deposits, withdrawals and transfers that wait anyway go to PostgreSQL together, in one call.

A request that finds the group connection idle goes alone, at once. The requests that come meanwhile
wait, and go together as one call of run_group() when the connection comes free: one statement, one
commit, an answer for each. There is no timer, and no request waits for company.

A group does not wait for an account that somebody else keeps locked. run_group() leaves out the
requests that need it, and they go to a lane: one call at a time for each locked account, until the
account is free or WALLET_LOCK_TIMEOUT is over.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

from service import statements
from service.bodies import Annotation
from service.config import Settings
from service.connections import Connections, run_operation
from service.errors import NOTHING_DONE, Problem, is_about_the_call, refusal
from service.metrics import count_group
from service.rows import TransactionRow

GROUP_WAIT = 20
"""Milliseconds that a group waits for locks that somebody else holds."""

# Seconds that a call waits in the last lane, or while other locked accounts wait for a lane.
_LANE_TURN = 0.25

_LOCK_NOT_AVAILABLE = "55P03"

_OPERATIONS = {
    "deposit": statements.DEPOSIT,
    "withdraw": statements.WITHDRAW,
    "transfer": statements.TRANSFER,
}

_Lock: TypeAlias = int | tuple[str | None, str]
"""What a request may wait for: an account's id, or an idempotency key with its actor."""


class _Request(Struct, eq=False):
    """A request that has no answer yet. Times are the event loop's."""

    operation: Literal["deposit", "withdraw", "transfer"]
    source_account_id: int | None
    target_account_id: int | None
    amount: Decimal
    idempotency_key: str | None
    actor: str | None
    annotation: Annotation
    arrival: float
    deadline: float
    """Until when it waits for a lock."""
    answer: asyncio.Future[TransactionRow]
    met_a_lock: bool = False

    @property
    def key(self) -> _Lock | None:
        return None if self.idempotency_key is None else (self.actor, self.idempotency_key)


class Groups:
    """The deposits, withdrawals and transfers of a worker. Make it while the event loop runs."""

    def __init__(self, settings: Settings, *, group: Connections, lanes: Connections) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._group = group
        self._lanes = lanes
        self._waiting: deque[_Request] = deque()
        self._idle = group.size
        # Requests by what they wait for, and which of these locks wait for a lane.
        self._locked: dict[_Lock, deque[_Request]] = {}
        self._turns: deque[_Lock] = deque()
        self._idle_lanes = lanes.size
        self._count = 0
        # Whether a timer will turn away what waits too long: one for all of them.
        self._is_watching = False
        self._group_seconds = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Let the calls in flight end."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def run(
        self,
        operation: Literal["deposit", "withdraw", "transfer"],
        *,
        source_account_id: int | None,
        target_account_id: int | None,
        amount: Decimal,
        idempotency_key: str | None,
        actor: str | None,
        annotation: Annotation,
    ) -> TransactionRow:
        """Run a request, alone or in a group, and return the transaction.

        Raises Problem: a refusal that was returned; busy if a lock or the connection does not come
        free in time; database_unavailable. Raises what PostgreSQL reports otherwise.
        """
        now = self._loop.time()
        request = _Request(
            operation,
            source_account_id,
            target_account_id,
            amount,
            idempotency_key,
            actor,
            annotation,
            now,
            now + self._settings.lock_timeout,
            self._loop.create_future(),
        )
        if self._count >= self._settings.max_waiting:
            raise self._too_many()
        lock = self._known_lock(request)
        if lock is not None:
            self._wait_for_lock(lock, request)
        else:
            self._waiting.append(request)
            self._start_groups()
        self._count += 1
        if not self._is_watching:
            self._is_watching = True
            self._loop.call_at(request.arrival + self._settings.pool_timeout, self._turn_away)
        try:
            return await request.answer
        finally:
            self._count -= 1

    def _known_lock(self, request: _Request, besides: _Lock | None = None) -> _Lock | None:
        """A lock that the request needs and that others wait for already."""
        if self._locked:
            for lock in (request.source_account_id, request.target_account_id, request.key):
                if lock is not None and lock != besides and lock in self._locked:
                    return lock
        return None

    def _too_many(self) -> Problem:
        """The answer past the line's bound. Retry-After is how long it takes to empty the line."""
        seconds = self._settings.lock_timeout if self._locked else 0.0
        if self._waiting:
            # The first in the line has waited as long as the call in flight has run.
            group_seconds = max(self._group_seconds, self._loop.time() - self._waiting[0].arrival)
            groups = math.ceil(len(self._waiting) / self._settings.group_max)
            seconds = max(seconds, min(groups * group_seconds, self._settings.pool_timeout))
        return Problem(
            "busy",
            f"{self._count} requests are waiting already. {NOTHING_DONE}",
            headers={"Retry-After": str(max(1, math.ceil(seconds)))},
        )

    def _turn_away(self) -> None:
        """End the wait of those for whom the group connection did not come free in time."""
        before = self._loop.time() - self._settings.pool_timeout
        for request in [one for one in self._waiting if one.arrival <= before]:
            self._waiting.remove(request)
            if not request.answer.done():
                request.answer.set_exception(
                    Problem("busy", f"Every database connection is in use. {NOTHING_DONE}")
                )
        self._is_watching = bool(self._waiting)
        if self._waiting:
            next_arrival = min(one.arrival for one in self._waiting)
            self._loop.call_at(next_arrival + self._settings.pool_timeout, self._turn_away)

    async def _run_alone(self, connections: Connections, request: _Request) -> TransactionRow:
        accounts = (request.source_account_id, request.target_account_id)
        return await run_operation(
            connections,
            _OPERATIONS[request.operation],
            TransactionRow,
            *(account for account in accounts if account is not None),
            request.amount,
            idempotency_key=request.idempotency_key,
            actor=request.actor,
            annotation=request.annotation,
        )

    def _start_groups(self) -> None:
        while self._idle and (requests := self._take(self._waiting)):
            self._idle -= 1
            self._start(self._run_group(requests))

    async def _run_group(self, requests: list[_Request]) -> None:
        begin = self._loop.time()
        count_group(len(requests))
        try:
            if len(requests) == 1 and not requests[0].met_a_lock:
                left_out = await self._answer_alone(self._group, requests[0])
            else:
                left_out = await self._answer(self._group, requests, GROUP_WAIT)
        finally:
            self._group_seconds = self._loop.time() - begin
            self._idle += 1
            self._start_groups()
        for request, lock in left_out:
            self._wait_for_lock(lock, request)

    def _wait_for_lock(self, lock: _Lock, request: _Request) -> None:
        if lock not in self._locked:
            self._locked[lock] = deque()
            self._turns.append(lock)
        self._locked[lock].append(request)
        self._loop.call_at(request.deadline, self._give_up, lock, request)
        self._start_lanes()

    def _give_up(self, lock: _Lock, request: _Request) -> None:
        """End a request's wait for a lock, unless it is in a call."""
        with suppress(KeyError, ValueError):
            self._locked[lock].remove(request)
            self._set_busy(request)

    def _set_busy(self, request: _Request) -> None:
        if not request.answer.done():
            request.answer.set_exception(
                Problem("busy", f"Another request holds the account or its key. {NOTHING_DONE}")
            )

    def _start_lanes(self) -> None:
        while self._idle_lanes and self._turns:
            self._idle_lanes -= 1
            self._start(self._run_lane(self._turns.popleft()))

    async def _run_lane(self, lock: _Lock) -> None:
        """Try once to run what waits for a lock."""
        waiting = self._locked[lock]
        requests = self._take(waiting)
        left_out: list[tuple[_Request, _Lock]] = []
        try:
            if requests:
                wait = requests[0].deadline - self._loop.time()
                if any(self._known_lock(request, besides=lock) for request in requests):
                    # It must not keep this account, once free, waiting for another one.
                    wait = min(wait, GROUP_WAIT / 1000)
                elif self._turns or not self._idle_lanes:
                    wait = min(wait, _LANE_TURN)
                left_out = await self._answer(self._lanes, requests, max(1, int(wait * 1000)))
        finally:
            self._idle_lanes += 1
        # Of two locked accounts each request names one. The other account may have been taken for a
        # moment only, by a group: nobody else may wait for it as long as this one stays locked.
        is_free = len(left_out) < len(requests) and all(met != lock for _, met in left_out)
        now = self._loop.time()
        for request, met in reversed(left_out):
            if now >= request.deadline:
                self._set_busy(request)
            elif is_free:
                self._wait_for_lock(met, request)
            else:
                waiting.appendleft(request)
        if is_free or not waiting:
            del self._locked[lock]
            self._waiting.extend(waiting)
        else:
            self._turns.append(lock)
        self._start_groups()
        self._start_lanes()

    def _take(self, waiting: deque[_Request]) -> list[_Request]:
        """As many requests as go together. One whose client went away is dropped."""
        requests: list[_Request] = []
        while waiting and len(requests) < self._settings.group_max:
            request = waiting.popleft()
            if not request.answer.done():
                requests.append(request)
        return requests

    async def _answer(
        self, connections: Connections, requests: list[_Request], wait: int
    ) -> list[tuple[_Request, _Lock]]:
        """Run requests in one call and answer them. Returns those that met a lock, with the lock.

        `wait` is in milliseconds.
        """
        try:
            rows = await connections.fetch(
                statements.RUN_GROUP,
                [request.operation for request in requests],
                [_text(request.source_account_id) for request in requests],
                [_text(request.target_account_id) for request in requests],
                [_text(request.amount) for request in requests],
                [request.idempotency_key for request in requests],
                [request.actor for request in requests],
                [request.annotation.reference for request in requests],
                [request.annotation.metadata for request in requests],
                wait,
            )
        except Exception as error:
            if len(requests) > 1 and is_about_the_call(error):
                # Certainly nothing was done, and the failure may concern one request alone.
                for request in requests:
                    self._start(self._answer_again(request))
            else:
                for request in requests:
                    if not request.answer.done():
                        request.answer.set_exception(error)
            return []
        left_out: list[tuple[_Request, _Lock]] = []
        for request, row in zip(requests, rows, strict=True):
            if request.answer.done():
                continue
            if row["sqlstate"]:
                request.answer.set_exception(
                    refusal(row["sqlstate"], row["detail"], row["hint"], replayed=row["replayed"])
                )
            elif row["id"]:
                request.answer.set_result(
                    TransactionRow(
                        id=row["id"],
                        source_account_id=row["source_account_id"],
                        target_account_id=row["target_account_id"],
                        amount=row["amount"],
                        ctime=row["ctime"],
                        actor=row["actor"],
                        replayed=row["replayed"],
                        reference=request.annotation.reference,
                        metadata=request.annotation.metadata,
                    )
                )
            else:
                # Without an account, it is the key that is locked.
                left_out.append((request, row["locked_account_id"] or request.key or 0))
        return left_out

    async def _answer_alone(
        self, connections: Connections, request: _Request
    ) -> list[tuple[_Request, _Lock]]:
        try:
            row = await self._run_alone(connections, request)
        except Exception as error:
            if getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE and not request.met_a_lock:
                request.met_a_lock = True
                # It has waited: this tells which lock it met.
                return await self._answer(connections, [request], 1)
            if not request.answer.done():
                request.answer.set_exception(error)
        else:
            if not request.answer.done():
                request.answer.set_result(row)
        return []

    async def _answer_again(self, request: _Request) -> None:
        request.met_a_lock = True
        await self._answer_alone(self._lanes, request)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        # The event loop itself keeps no task alive.
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _text(value: int | Decimal | None) -> str | None:
    return None if value is None else str(value)
