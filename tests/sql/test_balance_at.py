"""balance_at() tells the balance as of a moment, from what the entries themselves say."""

from __future__ import annotations

from datetime import timedelta

from tests.support.calls import Connection, answer, call, open_accounts, value

MICROSECOND = timedelta(microseconds=1)


def at(connection: Connection, id: int, moment: object) -> str | None:
    balance = value(connection, "balance_at", id, moment)
    return None if balance is None else str(balance)


def test_the_balance_changes_at_the_very_moment_of_an_entry(app: Connection) -> None:
    open_accounts(app, "0", "50")
    opened = call(app, "get_account", 1)["ctime"]
    assert at(app, 1, opened - MICROSECOND) is None
    assert at(app, 1, opened) == at(app, 1, "infinity") == "0.00"
    made = [
        call(app, "deposit", 1, 100),
        call(app, "transfer", 1, 2, 30),
        call(app, "transfer", 2, 1, "0.5"),
        call(app, "withdraw", 1, 20),
        call(app, "reverse", 5),
    ]
    moments = [opened, *(row["ctime"] for row in made)]
    balances = ["0.00", "100.00", "70.00", "70.50", "50.50", "70.50"]
    for moment, before, balance in zip(moments, [None, *balances], balances, strict=False):
        assert at(app, 1, moment - MICROSECOND) == before
        assert at(app, 1, moment) == at(app, 1, moment + MICROSECOND) == balance
    for moment in ("1970-01-01Z", "-infinity", None):
        assert at(app, 1, moment) is None
    for moment in ("infinity", "9999-12-31Z", "now"):
        assert at(app, 1, moment) == balances[-1]
    for id in (77, None):
        for moment in ("now", "-infinity", None):
            assert answer(app, "balance_at", id, moment) == "WL004"


def test_of_entries_at_one_moment_the_last_counts(app: Connection, admin: Connection) -> None:
    """As when the clock was set back: the entries until it has caught up bear one time."""
    open_accounts(app, "100")
    mtime = value(
        admin,
        "UPDATE wallet.account SET mtime = clock_timestamp() + interval '1 hour' RETURNING mtime",
    )
    for amount in (1, 2, 3):
        assert call(app, "withdraw", 1, amount)["ctime"] == mtime
    assert at(app, 1, mtime) == "94.00"
    assert at(app, 1, mtime - MICROSECOND) == "100.00"
