"""wallet.account_wait shows who waits for which account, and for whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.support.calls import (
    DEPOSIT,
    FREEZE_ACCOUNT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    answer,
    call,
    open_accounts,
    rows,
)
from tests.support.databases import Database
from tests.support.threads import PATIENCE, background


def waits(reader: Connection, number: int) -> list[dict[str, Any]]:
    """What the view shows once it shows so many waiters."""
    deadline = time.monotonic() + PATIENCE
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        found = rows(reader, "SELECT * FROM wallet.account_wait")
        if len(found) == number:
            return found
    raise AssertionError(f"after {PATIENCE} seconds it shows {found}")


@contextmanager
def waiter(database: Database, statement: str, *arguments: object) -> Iterator[Connection]:
    """wallet_app makes a call that must wait; it ends with the body of the `with`, at the latest.

    A superuser makes it where wallet_app has no right to.
    """
    role = None if statement == FREEZE_ACCOUNT else "wallet_app"
    with database.connect(role) as connection:
        connection.execute("SET lock_timeout = '60s'")
        with background(answer, connection, statement, *arguments):
            yield connection


def test_a_waiter_is_shown_with_its_account_and_whom_it_waits_for(
    database: Database, app: Connection, reader: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100", "100")
    call(holding, DEPOSIT, 2, 1)
    with waiter(database, TRANSFER, 1, 2, 5) as waiting:
        (row,) = waits(reader, 1)
        assert row["pid"] == waiting.info.backend_pid
        holding.rollback()
    assert row["account_id"] == 2
    assert row["blocked_by"] == [holding.info.backend_pid]
    assert row["role"] == "wallet_app"
    assert row["waiting"].total_seconds() >= 0
    assert waits(reader, 0) == []


def test_each_way_to_wait_is_shown(
    database: Database, app: Connection, reader: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    calls: list[tuple[str, tuple[object, ...]]] = [
        (DEPOSIT, (1, 5)),
        (WITHDRAW, (1, 5)),
        (TRANSFER, (1, 2, 5)),
        (REVERSE, (1,)),
        (FREEZE_ACCOUNT, (1,)),
    ]
    for statement, arguments in calls:
        call(holding, TRANSFER, 1, 2, 1)
        with waiter(database, statement, *arguments) as waiting:
            (row,) = waits(reader, 1)
            assert (row["account_id"], row["pid"]) == (1, waiting.info.backend_pid), statement
            holding.rollback()
        assert waits(reader, 0) == []


def test_all_who_queue_for_one_account_are_shown_the_longest_wait_first(
    database: Database, app: Connection, reader: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 1, 1)
    pids = []
    with ExitStack() as stack:
        for number in range(1, 4):
            pids.append(stack.enter_context(waiter(database, DEPOSIT, 1, 5)).info.backend_pid)
            found = waits(reader, number)
        holding.rollback()
    assert [row["pid"] for row in found] == pids
    assert {row["account_id"] for row in found} == {1}
    assert found[0]["blocked_by"] == [holding.info.backend_pid]
    assert pids[0] in found[1]["blocked_by"]


def test_the_query_of_a_waiter_shows_to_who_may_see_it(
    database: Database, app: Connection, reader: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 1, 1)
    with waiter(database, DEPOSIT, 1, 5):
        assert "deposit" not in waits(reader, 1)[0]["query"]
        assert "wallet.deposit" in waits(admin, 1)[0]["query"]
        holding.rollback()
