"""Groups beside others: what somebody else holds is left out, and no two ever wait in a circle."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from tests.support.calls import (
    Connection,
    GroupRequest,
    execute,
    keyed,
    ledger,
    open_accounts,
    run_group,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked

GROUP: list[GroupRequest] = [
    ("deposit", None, 1, 1, "deposit 1"),
    ("deposit", None, 3, 1, "deposit 3"),
    ("transfer", 2, 3, 1, "2 to 3"),
    ("transfer", 3, 1, 1, None),
    ("transfer", 1, 3, 1, "1 to 3"),
    ("withdraw", 2, None, 1, None),
    ("withdraw", 2, None, 1000, "refused"),
    # What has a key that came before: another request, a bad one, the same again.
    ("transfer", 3, 2, 1, "2 to 3"),
    ("deposit", None, 3, 0, "deposit 1"),
    ("deposit", None, 1, 1, "deposit 1"),
    # No lock is needed for these.
    ("transfer", 1, 1, 1, "new"),
    ("deposit", None, 77, 1, None),
]


def is_answered(result: dict[str, Any]) -> bool:
    """Whether a request was not left out."""
    return bool(result["sqlstate"] or result["transaction"])


def locked_account(number: int, held: set[int]) -> int | None:
    """Which account a request of the group is left out for."""
    _, source, target, _, key = GROUP[number]
    if source == target or (key and key in [request[4] for request in GROUP[:number]]):
        return None
    return min((id for id in (source, target) if id in held), default=None)


def test_a_group_leaves_out_what_needs_a_locked_account_and_does_the_rest(
    database: Database, app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "100", "100")
    app.execute("SET lock_timeout = '20ms'")
    for held, wait in itertools.product(({1}, {3}, {2}, {1, 3}, {1, 2, 3}), (1, None)):
        out = [locked_account(number, held) for number in range(len(GROUP))]
        freed = {request[4] for request, id in zip(GROUP, out, strict=True) if id} - {None}
        with database.connect() as holder, holder.transaction(force_rollback=True):
            for id in held:
                holder.execute("SELECT FROM wallet.account WHERE id = %s FOR NO KEY UPDATE", (id,))
            done = run_group(app, GROUP, wait)
        assert [one["locked_account_id"] for one in done] == out, (held, wait)
        left = [r for r, one in zip(GROUP, done, strict=True) if not is_answered(one)]
        assert left == [r for r, id in zip(GROUP, out, strict=True) if id or r[4] in freed]
        assert not any(one["replayed"] for one in done if not is_answered(one))
        kept = {row["key"] for row in ledger(admin).keys}
        assert kept == {r[4] for r in GROUP if r[4] != "new"} - freed - {None}
        # They are done once the accounts are free.
        again = run_group(app, left, wait)
        assert all(is_answered(one) for one in again)
        assert value(app, "SHOW lock_timeout") == "20ms"
        admin.execute("DELETE FROM wallet.idempotency_key")
    assert_sound(admin)


def test_a_group_leaves_out_the_key_that_somebody_holds_and_no_other(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "100")
    requests: list[GroupRequest] = [
        ("deposit", None, 1, number, key)
        for number, key in enumerate(["a", "known", "held", None, "z", "held", "a"], 1)
    ]
    run_group(app, [requests[1]])
    keyed(holding, "deposit", 2, 3, "held")  # another request
    results = run_group(app, requests, 20)
    found = [(one["replayed"], one["sqlstate"], bool(one["transaction"])) for one in results]
    done, left_out = (False, None, True), (False, None, False)
    replayed = (True, None, True)
    assert found == [done, replayed, left_out, done, done, left_out, (False, "WL011", False)]
    assert [one["locked_account_id"] for one in results] == [None] * len(requests)
    holding.rollback()
    (again,) = run_group(app, [requests[2]], 20)
    assert again["transaction"]["amount"] == 3
    assert again["replayed"] is False
    assert_sound(admin)


def test_a_group_that_may_wait_for_ever_does(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    open_accounts(app, "100", "100", "100")
    for connection in (app, waiting):
        connection.execute("SET lock_timeout = '1ms'")
    for hold in (("deposit", 2, 1, "other"), ("deposit", 1, 1, "deposit 1")):
        keyed(holding, *hold)
        with background(run_group, waiting, GROUP, 0) as group:
            wait_until_blocked(admin, waiting, holding)
            assert not group.done()
            with pytest.raises(LockNotAvailable):  # Keys are claimed in an order of their own.
                keyed(app, "transfer", 2, 3, 1, "2 to 3")
            holding.commit()
            results = group.result()
        assert all(is_answered(one) for one in results)
        admin.execute("DELETE FROM wallet.idempotency_key")
    assert_sound(admin)


def lock_accounts(admin: Connection, wait: int | None) -> None:
    with admin.transaction():
        execute(admin, "SELECT wallet.lock_accounts('{2, 1}', %s)", wait)


def test_a_wait_for_accounts_ends_though_others_are_in_the_queue_for_them(
    database: Database, app: Connection, admin: Connection
) -> None:
    """And the session's lock_timeout is what it was."""
    open_accounts(app, "100", "100")
    lock = "SELECT FROM wallet.account WHERE id = %s FOR NO KEY UPDATE"
    with database.connect() as holder, database.connect() as one, database.connect() as other:
        holder.execute("BEGIN")
        for id in (1, 2):
            holder.execute(lock, (id,))
        with background(execute, one, lock, 1), background(execute, other, lock, 2):
            try:
                for queued in (one, other):
                    wait_until_blocked(admin, queued, holder)
                admin.execute("SET lock_timeout = '150ms'; SET statement_timeout = '30s'")
                for wait in (None, 100):
                    with admin.transaction():
                        with pytest.raises(LockNotAvailable, match="account locked"):
                            lock_accounts(admin, wait)
                        assert value(admin, "SHOW lock_timeout") == "150ms"
            finally:
                holder.execute("ROLLBACK")  # or those in the queue would wait for ever
    with admin.transaction():
        lock_accounts(admin, None)
        assert value(admin, "SHOW lock_timeout") == "150ms"
