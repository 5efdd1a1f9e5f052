"""wallet.account_wait shows who waits for which account, and for whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from tests.support.calls import Connection, answer, call, open_accounts, rows
from tests.support.databases import Database
from tests.support.threads import PATIENCE, background


def waits(reader: Connection, number: int, source: str = "account_wait") -> list[dict[str, Any]]:
    """What is shown once so many wait for somebody: between two turns a call waits for nobody."""
    deadline = time.monotonic() + PATIENCE
    found: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        found = rows(reader, f"SELECT * FROM wallet.{source}")
        if len(found) == number and all(row["blocked_by"] for row in found):
            return found
    raise AssertionError(f"after {PATIENCE} seconds it shows {found}")


@contextmanager
def waiter(database: Database, function: str, *arguments: object) -> Iterator[Connection]:
    """wallet_app makes a call that must wait; it ends with the body of the `with`, at the latest.

    A superuser makes it where wallet_app has no right to.
    """
    role = None if function == "freeze_account" else "wallet_app"
    with database.connect(role) as connection:
        connection.execute("SET lock_timeout = '60s'")
        with background(answer, connection, function, *arguments):
            yield connection


def test_each_way_to_wait_is_shown_with_the_account_and_whom_it_waits_for(
    database: Database, app: Connection, reader: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100", "100")
    calls: list[tuple[str, tuple[object, ...], int]] = [
        ("deposit", (2, 5), 2),
        ("withdraw", (1, 5), 1),
        ("transfer", (3, 2, 5), 2),
        ("reverse", (1,), 1),
        ("freeze_account", (1,), 1),
    ]
    for function, arguments, id in calls:
        call(holding, "transfer", 1, 2, 1)
        assert rows(reader, "SELECT FROM wallet.account_wait") == []
        with waiter(database, function, *arguments) as waiting:
            pid = waiting.info.backend_pid
            (row,) = waits(reader, 1)
            (seen,) = waits(admin, 1)
            (got,) = waits(app, 1, "get_account_waits()")
            holding.rollback()
        assert (row["account_id"], row["pid"]) == (id, pid), function
        assert row["blocked_by"] == [holding.info.backend_pid]
        assert row["role"] == ("postgres" if function == "freeze_account" else "wallet_app")
        # A call that waits in turns begins anew with each.
        assert min(row["waiting"], got["waiting"]) >= timedelta()
        assert {**got, "waiting": row["waiting"], "query": row["query"]} == row
        # The query shows to who may see it.
        assert (function in seen["query"], function in row["query"]) == (True, False)
        waits(reader, 0)


def test_all_who_queue_for_one_account_are_shown_the_longest_wait_first(
    database: Database, app: Connection, reader: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    call(holding, "deposit", 1, 1)
    pids = []
    with ExitStack() as stack:
        for number in range(1, 4):
            pids.append(stack.enter_context(waiter(database, "deposit", 1, 5)).info.backend_pid)
            found = waits(reader, number)
        holding.rollback()
    assert [row["pid"] for row in found] == pids
    assert {row["account_id"] for row in found} == {1}
    assert found[0]["blocked_by"] == [holding.info.backend_pid]
    assert pids[0] in found[1]["blocked_by"]
