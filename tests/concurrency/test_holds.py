"""Holds under fire: money is reserved once, a hold is closed once, and nobody is stuck."""

from __future__ import annotations

from collections import Counter
from functools import partial
from threading import Barrier

from tests.support.calls import Connection, answer, call, ledger, open_accounts, rows, value
from tests.support.databases import Database, assert_sound
from tests.support.threads import background, together, wait_until_blocked


def test_holds_and_transfers_that_race_for_one_balance_share_it_exactly(
    database: Database, app: Connection, admin: Connection
) -> None:
    """There is money for 100 of 160."""
    open_accounts(app, "100", "0")

    def race(number: int, barrier: Barrier) -> Counter[str]:
        call_ = ("hold", 1, 1) if number % 2 else ("transfer", 1, 2, 1)
        answers: Counter[str] = Counter()
        with database.connect("wallet_app") as connection:
            barrier.wait()
            for _ in range(20):
                answered = answer(connection, *call_)
                answers[answered if isinstance(answered, str) else call_[0]] += 1
        return answers

    answers = sum(together([partial(race, number) for number in range(8)]), Counter[str]())
    assert answers["WL006"] == 60
    account = call(app, "get_account", 1)
    assert (account["held"], account["balance"]) == (answers["hold"], 100 - answers["transfer"])
    assert account["held"] == account["balance"]
    assert_sound(admin)


def test_of_captures_releases_and_the_sweep_exactly_one_closes_a_hold(
    database: Database, app: Connection, admin: Connection
) -> None:
    """Each hold is due about when they come."""
    open_accounts(app, "1000", "0")
    holds = 40

    def close(number: int, barrier: Barrier) -> Counter[str]:
        answers: Counter[str] = Counter()
        with database.connect("wallet_app") as connection:
            for id in range(1, holds + 1):
                if number == 0:
                    call(connection, "hold", 1, 5, f"{id * 2} milliseconds")
                barrier.wait()
                attempt = (("capture", id), ("release", id), ("expire_holds", 10))[number % 3]
                answered = answer(connection, *attempt)
                if number % 3 < 2:
                    answers[answered if isinstance(answered, str) else attempt[0]] += 1
                barrier.wait()
                if number == 0:
                    while call(connection, "get_hold", id)["state"] == "held":
                        call(connection, "expire_holds", 10)
        return answers

    answers = sum(together([partial(close, number) for number in range(6)]), Counter[str]())
    states = Counter(row["state"] for row in ledger(admin).holds)
    print(f"answers: {dict(answers)}; states: {dict(states)}")
    assert states.total() == holds
    assert states["captured"] == answers["capture"]
    assert states["released"] == answers["release"]
    assert answers.keys() <= {"capture", "release", "WL017"}
    account = call(app, "get_account", 1)
    assert (account["held"], account["balance"]) == (0, 1000 - 5 * answers["capture"])
    assert_sound(admin)


def test_the_sweep_passes_over_an_account_that_a_dba_holds_and_comes_back_to_it(
    database: Database, app: Connection, admin: Connection
) -> None:
    """However many of its holds are due, the others' are ended."""
    open_accounts(app, "100", "100")
    for account in (1, 1, 1, 2):
        call(app, "hold", account, 5, "1 millisecond")
    call(app, "hold", 2, 5)
    with database.connect() as dba:
        with dba.transaction():
            call(dba, "freeze_account", 1)
            app.execute("SET lock_timeout = '1ms'")
            ended = [value(app, "expire_holds", 2) for _ in "12"]
        assert (ended, value(app, "expire_holds", 10)) == ([1, 0], 3)
    held = [row["held"] for row in rows(admin, "SELECT held FROM wallet.account ORDER BY id")]
    assert held == [0, 5]
    assert_sound(admin)


def test_what_waited_for_an_account_sees_what_was_done_meanwhile(
    database: Database, app: Connection, admin: Connection
) -> None:
    """The target has no room for the third hold twice, and still it is the hold that says no."""
    open_accounts(app, "0", "100")
    call(admin, "set_limits", 1, 0, 8)
    one, other, third, due = (call(app, "hold", 2, 5)["id"] for _ in "1234")
    for done, given, expected in (
        ("SELECT wallet.deposit(1, 1)", ("hold", 1, 1), "hold"),
        ("SELECT wallet.withdraw(2, 80)", ("hold", 2, 1), "WL006"),
        ("SELECT wallet.freeze_account(2)", ("capture", one, None, 1), "WL008"),
        (f"SELECT wallet.release({one})", ("capture", one, None, 1), "WL017"),
        (f"SELECT wallet.capture({other}, 3)", ("capture", other, 3), "WL018"),
        (f"SELECT wallet.capture({third}, 5, 1)", ("capture", third, None, 1), "WL017"),
        (f"SELECT wallet.capture({other}, 2, 1)", ("release", other), "WL017"),
        (f"UPDATE wallet.hold SET expires_at = now() WHERE id = {due}", ("capture", due), "WL017"),
    ):
        with database.connect() as dba, database.connect("wallet_app") as waiting:
            waiting.execute("SET lock_timeout = '60s'")
            dba.execute("BEGIN")
            dba.execute(done.encode())
            with background(answer, waiting, *given) as waiter:
                wait_until_blocked(admin, waiting, dba)
                dba.execute("COMMIT")
                answered = waiter.result()
                assert (answered if isinstance(answered, str) else given[0]) == expected
        call(admin, "unfreeze_account", 2)
    assert value(app, "expire_holds", 10) == 1
    assert [call(app, "get_account", id)["held"] for id in (1, 2)] == [1, 0]
    assert_sound(admin)
