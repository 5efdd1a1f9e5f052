"""balance_at() tells the balance as of a moment, from what the entries themselves say."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.support.calls import Connection, answer, call, open_accounts, rows, value
from tests.support.seeds import fresh_seed

MICROSECOND = timedelta(microseconds=1)
NAIVE = """
    SELECT CASE WHEN %(at)s >= a.ctime THEN coalesce((
               SELECT e.balance FROM wallet.entry e
               WHERE e.account_id = a.id AND e.ctime <= %(at)s ORDER BY e.entry DESC LIMIT 1
           ), 0.00) END::text AS balance
    FROM wallet.account a WHERE a.id = %(id)s
"""


def at(connection: Connection, id: int, moment: object) -> str | None:
    balance = value(connection, "balance_at", id, moment)
    return None if balance is None else str(balance)


def naive(admin: Connection, id: int, moment: datetime) -> str | None:
    (row,) = admin.execute(NAIVE, {"at": moment, "id": id}).fetchall()
    balance: str | None = row["balance"]
    return balance


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


def test_at_random_moments_the_balance_is_what_a_naive_query_says(
    app: Connection, admin: Connection
) -> None:
    rng = random.Random(fresh_seed())
    ids = open_accounts(app, "500", "500", "500", "0")
    for _ in range(100):
        function = rng.choice(["deposit", "withdraw", "transfer", "transfer"])
        accounts = rng.sample(ids[:3], 2 if function == "transfer" else 1)
        answer(app, function, *accounts, rng.randint(1, 100))
    made = [row["ctime"] for row in rows(admin, "SELECT ctime FROM wallet.transaction")]
    first, last = min(made) - timedelta(milliseconds=20), max(made) + timedelta(milliseconds=5)
    drawn = [first + (last - first) * rng.random() for _ in range(100)]
    for moment in (*made, *drawn):
        for id in ids:
            assert at(app, id, moment) == naive(admin, id, moment), (id, moment)
