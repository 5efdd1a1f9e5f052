"""A call that waited for a lock decides by what is committed then, and by nothing older."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg.errors import LockNotAvailable

from tests.support.calls import (
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
)
from tests.support.databases import Database, assert_sound
from tests.support.model import BALANCE_LIMIT_EXCEEDED, INSUFFICIENT_FUNDS
from tests.support.threads import background, wait_until_blocked

Wait = Callable[..., str]
OPPOSITE = pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])


@pytest.fixture
def after(admin: Connection, holding: Connection, waiting: Connection) -> Wait:
    """Make a call that waits, end what it waits for, and return what the call is answered."""

    def after(end: Callable[[], None], statement: str, *arguments: object) -> str:
        with background(answer, waiting, statement, *arguments) as waiter:
            wait_until_blocked(admin, waiting, holding)
            assert not waiter.done()
            end()
            answered = waiter.result()
        return answered if isinstance(answered, str) else "done"

    return after


@OPPOSITE
def test_money_that_was_spent_meanwhile_is_not_spent_again(
    app: Connection,
    admin: Connection,
    holding: Connection,
    after: Wait,
    source: int,
    target: int,
) -> None:
    open_accounts(app, "100", "100", "0")
    call(holding, TRANSFER, source, 3, 60)
    assert after(holding.commit, TRANSFER, source, target, 60) == INSUFFICIENT_FUNDS
    assert balances(admin)[source] == "40.00"
    assert_sound(admin)


@OPPOSITE
def test_money_that_came_in_meanwhile_can_be_spent(
    app: Connection,
    admin: Connection,
    holding: Connection,
    after: Wait,
    source: int,
    target: int,
) -> None:
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, source, 50)
    assert after(holding.commit, TRANSFER, source, target, 150) == "done"
    assert balances(admin) == {source: "0.00", target: "250.00"}
    assert_sound(admin)


def test_money_that_was_taken_back_meanwhile_was_never_there(
    app: Connection, admin: Connection, holding: Connection, after: Wait
) -> None:
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 1, 50)
    before = ledger(admin)
    assert after(holding.rollback, TRANSFER, 1, 2, 150) == INSUFFICIENT_FUNDS
    assert ledger(admin) == before


def test_a_payment_that_was_taken_back_meanwhile_leaves_the_money_there(
    app: Connection, admin: Connection, holding: Connection, after: Wait
) -> None:
    open_accounts(app, "100", "100", "0")
    call(holding, TRANSFER, 1, 3, 60)
    assert after(holding.rollback, TRANSFER, 1, 2, 60) == "done"
    assert balances(admin) == {1: "40.00", 2: "160.00", 3: "0.00"}
    assert_sound(admin)


@pytest.mark.parametrize("call_that_waits", [(DEPOSIT, 2, 40), (TRANSFER, 1, 2, 40)])
def test_room_that_was_filled_meanwhile_is_not_filled_again(
    app: Connection,
    admin: Connection,
    holding: Connection,
    after: Wait,
    call_that_waits: tuple[str, int],
) -> None:
    open_accounts(app, "100", "999949.99")
    call(holding, DEPOSIT, 2, 40)
    assert after(holding.commit, *call_that_waits) == BALANCE_LIMIT_EXCEEDED
    assert balances(admin) == {1: "100.00", 2: "999989.99"}
    assert_sound(admin)


def test_an_entry_after_a_wait_is_dated_after_the_one_it_waited_for(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """The waiter's call begins first; the entry it waits for is made while it waits."""
    open_accounts(app, "100", "100", "0")
    call(holding, TRANSFER, 1, 3, 1)
    with background(call, waiting, TRANSFER, 1, 2, 1) as waiter:
        wait_until_blocked(admin, waiting, holding)
        meanwhile = call(holding, TRANSFER, 1, 3, 1)
        holding.commit()
        waited = waiter.result()
    assert waited["source_entry"] == meanwhile["source_entry"] + 1
    assert waited["ctime"] > meanwhile["ctime"]
    assert_sound(admin)


def test_an_entry_is_dated_when_it_is_made_and_not_when_its_caller_began(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "0")
    began = call(holding, "SELECT now() AS began")["began"]
    first = call(app, TRANSFER, 1, 2, 1)
    second = call(holding, TRANSFER, 1, 2, 1)
    holding.commit()
    assert began < first["ctime"] < second["ctime"]
    assert_sound(admin)


@OPPOSITE
@pytest.mark.parametrize("held", [1, 2])
def test_the_lower_id_is_locked_first_whichever_way_the_money_goes(
    database: Database,
    app: Connection,
    admin: Connection,
    waiting: Connection,
    source: int,
    target: int,
    held: int,
) -> None:
    """Held at 1 a transfer has not locked 2; held at 2 it has locked 1."""
    open_accounts(app, "100", "100")
    lock = "SELECT FROM wallet.account WHERE id = %s FOR UPDATE NOWAIT"
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute(lock, (held,))
        with background(call, waiting, TRANSFER, source, target, 1) as waiter:
            wait_until_blocked(admin, waiting, holder)
            if held == 1:
                admin.execute(lock, (2,))
            else:
                with pytest.raises(LockNotAvailable):
                    admin.execute(lock, (1,))
            holder.rollback()
            assert waiter.result()["source_entry"] == 2
    assert_sound(admin)


@OPPOSITE
def test_locks_come_before_any_check(
    app: Connection, admin: Connection, holding: Connection, after: Wait, source: int, target: int
) -> None:
    """What the source holds is not looked at before the target is locked too."""
    open_accounts(app, "100", "100")
    call(holding, DEPOSIT, 2, 1)
    assert after(holding.commit, TRANSFER, source, target, 500) == INSUFFICIENT_FUNDS
    assert_sound(admin)


def test_a_lock_holds_up_nobody_who_only_reads(
    app: Connection, admin: Connection, holding: Connection
) -> None:
    open_accounts(app, "100", "0")
    transaction = call(holding, TRANSFER, 1, 2, 60)
    app.execute("SET lock_timeout = '1ms'")
    assert str(call(app, GET_ACCOUNT, 1)["balance"]) == "100.00"
    assert answer(app, GET_TRANSACTION, transaction["id"]) == "WL005"
    holding.commit()
    assert str(call(app, GET_ACCOUNT, 1)["balance"]) == "40.00"
    assert call(app, GET_TRANSACTION, transaction["id"]) == transaction


def test_a_lock_holds_up_no_transfer_between_other_accounts(
    app: Connection, admin: Connection, holding: Connection, after: Wait
) -> None:
    open_accounts(app, "100", "100", "100", "100")
    call(holding, TRANSFER, 1, 2, 1)

    def move_elsewhere() -> None:
        app.execute("SET lock_timeout = '1ms'")
        assert call(app, TRANSFER, 4, 3, 1)["target_entry"] == 2
        holding.commit()

    assert after(move_elsewhere, TRANSFER, 2, 1, 1) == "done"
    assert_sound(admin)
