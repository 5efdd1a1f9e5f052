"""deposit(), withdraw() and transfer(): what they return and write, rounding, entries and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from tests.support.calls import Connection, call, ledger, open_accounts, refusal, value
from tests.support.databases import assert_sound

# A call from account 1 to account 2, with the amount left open.
WAYS: list[tuple[str, tuple[int, ...]]] = [
    ("deposit", (2,)),
    ("withdraw", (1,)),
    ("transfer", (1, 2)),
]

ROUNDED = {
    "0.005": "0.01",
    "0.00500000000000000000000000000000000001": "0.01",
    "0.0149999999999999999999999999999999999999": "0.01",
    "0.015": "0.02",
    "0.025": "0.03",  # Half to even would give 0.02.
    "1.005": "1.01",  # The binary float nearest to it is 1.00499…
    "2.675": "2.68",
    "12.3": "12.30",
    "1e2": "100.00",
    "999999.99": "999999.99",
    "999999.994": "999999.99",
    "999999.99499999999999999999999999999999999": "999999.99",
}
# With what DETAIL calls each.
INVALID: dict[str | None, str] = {
    None: "NULL",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "0": "0",
    "0.004": "0.004",
    "0.0049999999999999999999999999999999999999": "0.0049999",
    "1e-16383": "0.000",
    "-0.005": "-0.005",
    "-5": "-5",
    "-999999.99": "-999999.99",
    "999999.995": "999999.995",
    "1000000.00": "1000000.00",
    "1e131071": "1",
    "-1e131071": "-1",
    # Rounding either of these to hundredths carries it past what numeric can hold.
    "9" * 131_072 + ".995": "999",
    "-" + "9" * 131_072 + ".995": "-999",
}


def clock(connection: Connection) -> datetime:
    now: datetime = value(connection, "SELECT clock_timestamp()")
    return now


def set_ahead(admin: Connection, account_id: int) -> datetime:
    """Date an account's last entry an hour from now, as a clock that was set back leaves it."""
    mtime: datetime = value(
        admin,
        "UPDATE wallet.account SET mtime = now() + interval '1 hour' WHERE id = %s RETURNING mtime",
        account_id,
    )
    return mtime


def test_a_new_account_is_empty(app: Connection, admin: Connection) -> None:
    with app.transaction():
        before = clock(app)  # later than now(), which is when the transaction began
        account = call(app, "create_account", "ada@example.com")
        assert before < account["ctime"] < clock(app)
    assert str(account["balance"]) == "0.00"
    assert account == {
        "id": 1,
        "email": "ada@example.com",
        "balance": 0,
        "entry_count": 0,
        "frozen": False,
        "held": 0,
        "minimum": 0,
        "maximum": Decimal("999999.99"),
        "ctime": account["ctime"],
        "mtime": account["ctime"],
    }
    app.execute("SELECT wallet.create_account('ada@example.com') FROM generate_series(1, 500)")
    accounts = ledger(admin).accounts
    assert accounts[0] == account == call(app, "get_account", 1)
    assert len(accounts) == 501, "an address may own several"
    assert [one for one in accounts if one["mtime"] != one["ctime"]] == []


def test_an_amount_is_rounded_half_away_from_zero_before_anything_else(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "999999.99", "0")
    for function, ids in WAYS:
        for given, taken in ROUNDED.items():
            with app.transaction(force_rollback=True):
                made = call(app, function, *ids, Decimal(given))
            assert str(made["amount"]) == taken, (function, given)
            assert made["target_balance"] in (Decimal(taken), None)
            assert made["source_balance"] in (Decimal("999999.99") - Decimal(taken), None)
    # What is rounded down to what the account holds may go; what is rounded up past it may not.
    poor, full = open_accounts(app, "0.01", "999999.98")
    assert refusal(app, "transfer", poor, full, "0.015").sqlstate == "WL006"
    assert refusal(app, "deposit", full, "0.015").sqlstate == "WL007"
    assert str(call(app, "transfer", poor, full, "0.0149")["target_balance"]) == "999999.99"
    assert_sound(admin)


def test_no_other_amount_is_taken_and_it_is_refused_by_name(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "500", "500")
    before = ledger(admin)
    for function, ids in WAYS:
        for amount, name in INVALID.items():
            given = None if amount is None else Decimal(amount)
            diagnostic = refusal(app, function, *ids, given)
            case = (function, str(amount)[:20])
            assert diagnostic.sqlstate == "WL002", case
            assert diagnostic.message_primary == "invalid amount", case
            detail = diagnostic.message_detail or ""
            assert detail.startswith(f"The amount is {name}"), case
            assert len(detail) < 200, "a long amount is not repeated"
            if amount and len(amount) < 12 and "e" not in amount:
                assert detail == f"The amount is {name}.", case
    assert ledger(admin) == before


def test_no_entry_is_dated_before_an_accounts_last_one(app: Connection, admin: Connection) -> None:
    """Nor does a clock that was set back reach further than the accounts that it touched."""
    for ahead in (0, 1):
        for function, sides in (("deposit", 1), ("withdraw", 1), ("transfer", 2)):
            for order in (1, -1):
                ids = open_accounts(app, *["100"] * 2)[::order]
                mtime = set_ahead(admin, ids[ahead])
                given = ids if sides == 2 else [ids[ahead]]
                for _ in range(2):
                    assert call(app, function, *given, "1")["ctime"] == mtime, (function, ids)
                for id in given:
                    assert call(app, "get_account", id)["mtime"] == mtime
    other = open_accounts(app, "100", "100")
    assert call(app, "transfer", *other, "1")["ctime"] < mtime - timedelta(minutes=30)
    assert_sound(admin)
