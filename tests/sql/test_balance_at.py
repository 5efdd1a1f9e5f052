"""balance_at() tells the balance as of a moment, from what the entries themselves say."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from tests.support.calls import (
    BALANCE_AT,
    DEPOSIT,
    GET_ACCOUNT,
    REVERSE,
    TRANSFER,
    WITHDRAW,
    Connection,
    answer,
    call,
    open_accounts,
    rows,
)
from tests.support.seeds import fresh_seed

MICROSECOND = timedelta(microseconds=1)
NAIVE = """
    SELECT CASE WHEN %(at)s >= a.ctime THEN coalesce((
               SELECT s.balance FROM (
                   SELECT source_entry AS entry, source_balance AS balance, ctime
                   FROM wallet.transaction WHERE source_account_id = a.id
                   UNION ALL
                   SELECT target_entry, target_balance, ctime
                   FROM wallet.transaction WHERE target_account_id = a.id
               ) s
               WHERE s.ctime <= %(at)s ORDER BY s.entry DESC LIMIT 1
           ), 0.00) END::text AS balance
    FROM wallet.account a WHERE a.id = %(id)s
"""


def at(connection: Connection, id: int, moment: object) -> str | None:
    balance = call(connection, BALANCE_AT, id, moment)["balance"]
    return None if balance is None else str(balance)


def naive(admin: Connection, id: int, moment: datetime) -> str | None:
    (row,) = admin.execute(NAIVE, {"at": moment, "id": id}).fetchall()
    balance: str | None = row["balance"]
    return balance


@pytest.fixture
def moments(app: Connection) -> list[datetime]:
    """Accounts 1 and 2 with entries of every kind; when account 1 was opened and had each."""
    open_accounts(app, "0", "50")
    made = [
        call(app, DEPOSIT, 1, 100),
        call(app, TRANSFER, 1, 2, 30),
        call(app, TRANSFER, 2, 1, "0.5"),
        call(app, WITHDRAW, 1, 20),
        call(app, REVERSE, 5),
    ]
    return [call(app, GET_ACCOUNT, 1)["ctime"], *(transaction["ctime"] for transaction in made)]


BALANCES = ["0.00", "100.00", "70.00", "70.50", "50.50", "70.50"]


def test_the_balance_changes_at_the_very_moment_of_an_entry(
    app: Connection, moments: list[datetime]
) -> None:
    before: list[str | None] = [None, *BALANCES[:-1]]
    for moment, earlier, balance in zip(moments, before, BALANCES, strict=True):
        assert at(app, 1, moment - MICROSECOND) == earlier
        assert at(app, 1, moment) == balance
        assert at(app, 1, moment + MICROSECOND) == balance


def test_before_it_was_opened_an_account_had_no_balance(
    app: Connection, moments: list[datetime]
) -> None:
    for moment in (moments[0] - MICROSECOND, "1970-01-01Z", "-infinity"):
        assert at(app, 1, moment) is None


def test_at_the_end_of_time_the_balance_is_that_of_now(
    app: Connection, moments: list[datetime]
) -> None:
    for moment in ("infinity", "9999-12-31Z", "now"):
        assert at(app, 1, moment) == str(call(app, GET_ACCOUNT, 1)["balance"])


def test_at_no_moment_there_is_no_balance(app: Connection, moments: list[datetime]) -> None:
    assert at(app, 1, None) is None


def test_an_account_without_entries_holds_nothing_from_its_opening_on(app: Connection) -> None:
    open_accounts(app, "0")
    opened = call(app, GET_ACCOUNT, 1)["ctime"]
    assert at(app, 1, opened - MICROSECOND) is None
    assert at(app, 1, opened) == at(app, 1, "infinity") == "0.00"


def test_an_unknown_account_is_refused_whatever_the_moment(app: Connection) -> None:
    open_accounts(app, "10")
    for id in (77, None):
        for moment in ("now", "-infinity", None):
            assert answer(app, BALANCE_AT, id, moment) == "WL004"


def test_parameters_of_balance_at_bear_the_contracts_names(app: Connection) -> None:
    open_accounts(app, "10")
    row = call(app, "SELECT wallet.balance_at(at => 'infinity', account_id => 1) AS balance")
    assert str(row["balance"]) == "10.00"


def test_of_entries_at_one_moment_the_last_counts(app: Connection, admin: Connection) -> None:
    """As when the clock was set back: the entries until it has caught up bear one time."""
    open_accounts(app, "100")
    mtime = call(
        admin,
        "UPDATE wallet.account SET mtime = clock_timestamp() + interval '1 hour' RETURNING mtime",
    )["mtime"]
    for amount in (1, 2, 3):
        assert call(app, WITHDRAW, 1, amount)["ctime"] == mtime
    assert at(app, 1, mtime) == "94.00"
    assert at(app, 1, mtime - MICROSECOND) == "100.00"


def test_at_random_moments_the_balance_is_what_a_naive_query_says(
    app: Connection, admin: Connection
) -> None:
    rng = random.Random(fresh_seed())
    ids = open_accounts(app, "500", "500", "500", "0")
    for _ in range(200):
        statement = rng.choice([DEPOSIT, WITHDRAW, TRANSFER, TRANSFER])
        accounts = rng.sample(ids[:3], 2 if statement == TRANSFER else 1)
        answer(app, statement, *accounts, rng.randint(1, 100))
    made = [row["ctime"] for row in rows(admin, "SELECT ctime FROM wallet.transaction")]
    first, last = min(made) - timedelta(milliseconds=20), max(made) + timedelta(milliseconds=5)
    drawn = [first + (last - first) * rng.random() for _ in range(200)]
    for moment in (*made, *drawn):
        for id in ids:
            assert at(app, id, moment) == naive(admin, id, moment), (id, moment)
