"""Of calls with one key that come at once one is done, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.calls import (
    Connection,
    balances,
    call,
    is_replay,
    keyed,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, kill, wait_until_blocked


def keys(admin: Connection) -> list[str]:
    return [row["key"] for row in ledger(admin).keys]


def test_a_second_call_waits_for_the_first_and_gets_its_result(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """A refusal too. If the first is undone, it is done."""
    open_accounts(app, "100", "100")
    ends: list[tuple[str, int, bool]] = [("k-1", 60, True), ("k-2", 160, True), ("k-3", 10, False)]
    for key, cents, commits in ends:
        first = keyed(holding, "transfer", 1, 2, cents, key)
        with background(keyed, waiting, "transfer", 1, 2, cents, key) as waiter:
            wait_until_blocked(admin, waiting, holding)
            assert not waiter.done()
            (holding.commit if commits else holding.rollback)()
            second = waiter.result()
        assert is_replay(first, second) == commits, key
        assert is_replay({**second, "replayed": False}, keyed(app, "transfer", 1, 2, cents, key))
    assert balances(admin) == {1: "30.00", 2: "170.00"}
    assert_sound(admin)


def keyed_answer(connection: Connection, *arguments: Any) -> dict[str, Any] | str | None:
    """The result of a full form, or the SQLSTATE that it is refused with."""
    try:
        return keyed(connection, *arguments)
    except psycopg.Error as error:
        return error.sqlstate


def test_another_request_waits_for_the_first_before_it_is_refused(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """And is done under the key if that one is rolled back. It has locked no account meanwhile."""
    open_accounts(app, "100", "100")
    app.execute("SET lock_timeout = '1ms'")
    for end, expected in ((holding.rollback, "done"), (holding.commit, "WL011")):
        keyed(holding, "create_account", "ada@example.com", expected)
        with background(keyed_answer, waiting, "transfer", 1, 2, 20, expected) as waiter:
            wait_until_blocked(admin, waiting, holding)
            call(app, "transfer", 2, 1, 1)
            assert keyed(app, "transfer", 2, 1, 1, f"another {expected}")["replayed"] is False
            end()
            answered = waiter.result()
        assert (answered if isinstance(answered, str) else "done") == expected
    assert balances(admin) == {1: "84.00", 2: "116.00", 4: "0.00"}
    assert_sound(admin)


def test_a_call_that_is_ended_leaves_neither_key_nor_effect(
    database: Database, app: Connection, admin: Connection, holding: Connection
) -> None:
    """It has written its key by then: it waits for the second account, or for its caller."""
    open_accounts(app, "100", "100")
    before = ledger(admin)
    call(holding, "deposit", 2, 1)
    app.execute("SET lock_timeout = '20ms'")
    for end, sqlstate in (("kill", "57P01"), ("cancel", "57014")):
        with database.connect("wallet_app") as waiting:
            with background(keyed, waiting, "transfer", 1, 2, 60, "k-1") as waiter:
                wait_until_blocked(admin, waiting, holding)
                assert refusal(app, "transfer", 1, 2, 60, "k-1").sqlstate == "55P03"
                if end == "kill":
                    kill(admin, waiting)
                else:
                    waiting.cancel_safe()
                with pytest.raises(psycopg.Error) as caught:
                    waiter.result()
            assert caught.value.sqlstate == sqlstate
    holding.rollback()
    assert ledger(admin) == before
    # Whoever waits for a killed backend's key does it.
    keyed(holding, "transfer", 1, 2, 60, "k-1")
    with (
        database.connect("wallet_app") as waiting,
        background(keyed, waiting, "transfer", 1, 2, 60, "k-1") as waiter,
    ):
        wait_until_blocked(admin, waiting, holding)
        kill(admin, holding)
        assert waiter.result()["replayed"] is False
    holding.close()
    assert balances(admin) == {1: "40.00", 2: "160.00"}
    assert keys(admin) == ["k-1"]
    assert_sound(admin)
