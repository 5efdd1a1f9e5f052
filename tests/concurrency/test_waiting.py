"""A call that waited for a lock decides by what is committed then, and by nothing older."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from psycopg.errors import LockNotAvailable

from tests.support.calls import (
    Connection,
    answer,
    balances,
    call,
    ledger,
    open_accounts,
    rows,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, wait_until_blocked

Wait = Callable[..., str]
OPPOSITE = pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])


@pytest.fixture
def after(admin: Connection, holding: Connection, waiting: Connection) -> Wait:
    """Make a call that waits, end what it waits for, and return what the call is answered."""

    def after(end: Callable[[], None], function: str, *arguments: object) -> str:
        with background(answer, waiting, function, *arguments) as waiter:
            wait_until_blocked(admin, waiting, holding)
            assert not waiter.done()
            end()
            answered = waiter.result()
        return answered if isinstance(answered, str) else "done"

    return after


@OPPOSITE
def test_what_was_committed_or_taken_back_meanwhile_decides(
    app: Connection, admin: Connection, holding: Connection, after: Wait, source: int, target: int
) -> None:
    open_accounts(app, "100", "100", "0")
    # Spent meanwhile, and not spent again; unless that was taken back.
    call(holding, "transfer", source, 3, 60)
    assert after(holding.commit, "transfer", source, target, 60) == "WL006"
    call(holding, "transfer", source, 3, 40)
    assert after(holding.rollback, "transfer", source, target, 40) == "done"
    # Come in meanwhile, and there to be spent; unless that was taken back.
    call(holding, "deposit", source, 50)
    assert after(holding.rollback, "transfer", source, target, 50) == "WL006"
    call(holding, "deposit", source, 50)
    assert after(holding.commit, "transfer", source, target, 50) == "done"
    # Filled meanwhile, and no room any more.
    call(holding, "deposit", target, "999800")
    assert after(holding.commit, "deposit", target, 10) == "WL007"
    call(holding, "deposit", target, "0.5")
    call(app, "deposit", source, 10)
    assert after(holding.commit, "transfer", source, target, "9.50") == "WL007"
    assert balances(admin) == {source: "10.00", target: "999990.50", 3: "60.00"}
    # What the source holds is not looked at before the target is locked too.
    call(holding, "withdraw", target, 1)
    assert after(holding.commit, "transfer", source, target, 500) == "WL006"
    call(holding, "withdraw", source, 6)
    assert after(holding.commit, "hold", source, 5) == "WL006"
    call(holding, "withdraw", source, 1)
    assert after(holding.commit, "set_limits", source, 4, None) == "WL019"
    assert_sound(admin)


def test_an_entry_is_dated_when_it_is_made_and_after_the_one_it_waited_for(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """Not when its caller began; nor when the call began that waited."""
    open_accounts(app, "100", "100", "0")
    began = value(holding, "SELECT now()")
    first = call(app, "transfer", 1, 3, 1)
    call(holding, "transfer", 1, 3, 1)
    with background(call, waiting, "transfer", 1, 2, 1) as waiter:
        wait_until_blocked(admin, waiting, holding)
        meanwhile = call(holding, "transfer", 1, 3, 1)
        holding.commit()
        waited = waiter.result()
    assert began < first["ctime"] < meanwhile["ctime"] < waited["ctime"]
    assert waited["source_entry"] == meanwhile["source_entry"] + 1
    assert_sound(admin)


@OPPOSITE
@pytest.mark.parametrize(
    "function", ["transfer", "reverse", "capture", "transfer_or_enqueue", "transfer_batch"]
)
def test_the_lower_id_is_locked_first_whichever_way_the_money_goes(
    database: Database,
    app: Connection,
    admin: Connection,
    waiting: Connection,
    function: str,
    source: int,
    target: int,
) -> None:
    """Held at 1 a call has not locked 2; held at 2 it has locked 1, unless its wait has a bound."""
    open_accounts(app, "100", "100")
    waiting.execute("SET lock_timeout = 0")
    lock = "SELECT FROM wallet.account WHERE id = %s FOR UPDATE NOWAIT"
    made = call(app, "transfer", source, target, 1)["id"]
    hold = call(app, "hold", source, 5)["id"]
    arguments: dict[str, tuple[object, ...]] = {
        "transfer": (source, target, 1),
        "reverse": (made,),
        "capture": (hold, 1, target),
        "transfer_or_enqueue": (source, target, 1, 60),
        "transfer_batch": ([f"({source},{target},1)"], True),
    }
    for held in (1, 2):
        with database.connect() as holder:
            holder.execute("BEGIN")
            holder.execute(lock, (held,))
            with background(answer, waiting, function, *arguments[function]) as waiter:
                wait_until_blocked(admin, waiting, holder)
                if held == 1:
                    admin.execute(lock, (2,))
                elif function == "transfer_or_enqueue":
                    admin.execute("SET lock_timeout = '5s'")  # It holds 1 for a moment only.
                    admin.execute("SELECT FROM wallet.account WHERE id = 1 FOR UPDATE")
                    admin.execute("RESET lock_timeout")
                else:
                    with pytest.raises(LockNotAvailable):
                        admin.execute(lock, (1,))
                holder.execute("ROLLBACK")
                assert isinstance(waiter.result(), dict) or (function, held) == ("reverse", 2)
    assert_sound(admin)


def test_a_lock_holds_up_nobody_who_only_reads_or_wants_other_accounts(
    app: Connection, admin: Connection, holding: Connection, after: Wait
) -> None:
    open_accounts(app, "100", "100", "100", "100")
    transaction = call(holding, "transfer", 1, 2, 60)
    app.execute("SET lock_timeout = '1ms'")
    before = ledger(admin)
    assert str(call(app, "get_account", 1)["balance"]) == "100.00"
    assert answer(app, "get_transaction", transaction["id"]) == "WL005"
    assert ledger(admin) == before

    def move_elsewhere() -> None:
        assert call(app, "transfer", 4, 3, 1)["target_entry"] == 2
        holding.commit()

    assert after(move_elsewhere, "transfer", 2, 1, 1) == "done"
    assert call(app, "get_transaction", transaction["id"]) == transaction
    assert_sound(admin)


def test_a_batch_decides_by_what_is_there_when_it_has_waited(
    app: Connection, admin: Connection, holding: Connection, waiting: Connection
) -> None:
    """It locks all its accounts first. While it waits for one, it holds no other."""
    open_accounts(app, "100", "100", "0", "0")
    app.execute("SET lock_timeout = '5s'")
    for order in (["(1,3,60)", "(2,3,60)"], ["(2,3,60)", "(1,3,60)"]):
        call(holding, "transfer", 2, 4, 60)
        with background(rows, waiting, "transfer_batch", order, False) as waiter:
            wait_until_blocked(admin, waiting, holding)
            assert isinstance(answer(app, "deposit", 1, 1), dict), "it holds the lower account"
            holding.commit()
            results = waiter.result()
        codes = {result["source_account_id"]: result["sqlstate"] for result in results}
        assert codes == {1: None, 2: "WL006"}
        assert balances(admin) == {1: "41.00", 2: "40.00", 3: "60.00", 4: "60.00"}
        for source, target, amount in ((3, 1, 59), (4, 2, 60), (3, 4, 1)):
            call(app, "transfer", source, target, amount)
        call(app, "withdraw", 4, 1)
    assert_sound(admin)
