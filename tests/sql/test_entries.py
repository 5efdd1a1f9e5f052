"""Each account numbers its entries 1, 2, 3 …, with the balance after each, in the order of time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.calls import (
    DEPOSIT,
    GET_ACCOUNT,
    GET_TRANSACTION,
    TRANSFER,
    Connection,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound


def entries(admin: Connection, account_id: int) -> list[tuple[int, str, str]]:
    """An account's entries in their order: number, amount with its sign, balance after it."""
    rows = admin.execute(
        """
        SELECT source_entry AS entry, -amount AS amount, source_balance AS balance
        FROM wallet.transaction WHERE source_account_id = %(id)s
        UNION ALL
        SELECT target_entry, amount, target_balance
        FROM wallet.transaction WHERE target_account_id = %(id)s
        ORDER BY entry
        """,
        {"id": account_id},
    )
    return [(row["entry"], str(row["amount"]), str(row["balance"])) for row in rows]


def set_ahead(admin: Connection, account_id: int) -> datetime:
    """Date an account's last entry an hour from now, as a clock that was set back leaves it."""
    row = call(
        admin,
        "UPDATE wallet.account SET mtime = clock_timestamp() + interval '1 hour' WHERE id = %s "
        "RETURNING mtime",
        account_id,
    )
    mtime: datetime = row["mtime"]
    return mtime


def test_entries_count_over_both_sides_with_the_balance_after_each(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0", "0")
    call(app, TRANSFER, 1, 2, "30")
    call(app, TRANSFER, 2, 3, "10.50")
    call(app, DEPOSIT, 2, "5")
    call(app, TRANSFER, 2, 1, "4.005")
    assert entries(admin, 1) == [
        (1, "100.00", "100.00"),
        (2, "-30.00", "70.00"),
        (3, "4.01", "74.01"),
    ]
    assert entries(admin, 2) == [
        (1, "30.00", "30.00"),
        (2, "-10.50", "19.50"),
        (3, "5.00", "24.50"),
        (4, "-4.01", "20.49"),
    ]
    assert entries(admin, 3) == [(1, "10.50", "10.50")]
    assert_sound(admin)


def test_a_refused_call_uses_up_no_entry_number(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "0")
    refusal(app, TRANSFER, 1, 2, "100.01")
    refusal(app, DEPOSIT, 1, "999999.99")
    transaction = call(app, TRANSFER, 1, 2, "1")
    assert (transaction["source_entry"], transaction["target_entry"]) == (2, 1)
    assert_sound(admin)


def test_a_call_that_is_rolled_back_uses_up_no_entry_number(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    with app.transaction(force_rollback=True):
        call(app, TRANSFER, 1, 2, "1")
    transaction = call(app, TRANSFER, 1, 2, "1")
    assert (transaction["source_entry"], transaction["target_entry"]) == (2, 1)
    assert_sound(admin)


def test_a_transaction_is_never_changed_by_later_ones(app: Connection, admin: Connection) -> None:
    open_accounts(app, "100", "100")
    before = ledger(admin).transactions
    for _ in range(5):
        call(app, TRANSFER, 1, 2, "7")
        call(app, TRANSFER, 2, 1, "3")
        call(app, DEPOSIT, 1, "1")
    assert ledger(admin).transactions[: len(before)] == before


def test_entries_of_one_callers_transaction_are_dated_as_they_were_made(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "0")
    with app.transaction():
        began = call(app, "SELECT now() AS began")["began"]
        first = call(app, TRANSFER, 1, 2, "1")["ctime"]
        second = call(app, TRANSFER, 2, 1, "1")["ctime"]
    assert began < first < second
    assert_sound(admin)


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.parametrize(("source", "target"), [(1, 2), (2, 1)])
def test_no_transfer_is_dated_before_an_accounts_last_entry(
    app: Connection, admin: Connection, ahead: int, source: int, target: int
) -> None:
    open_accounts(app, "100", "100")
    mtime = set_ahead(admin, ahead)
    assert call(app, TRANSFER, source, target, "1")["ctime"] >= mtime
    for account_id in (1, 2):
        assert call(app, GET_ACCOUNT, account_id)["mtime"] >= mtime
    assert call(app, TRANSFER, target, source, "1")["ctime"] >= mtime
    assert_sound(admin)


def test_no_deposit_is_dated_before_an_accounts_last_entry(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100")
    mtime = set_ahead(admin, 1)
    assert call(app, DEPOSIT, 1, "1")["ctime"] >= mtime
    assert call(app, DEPOSIT, 1, "1")["ctime"] >= mtime
    assert_sound(admin)


def test_a_clock_set_back_spreads_no_further_than_the_accounts_it_touched(
    app: Connection, admin: Connection
) -> None:
    open_accounts(app, "100", "100", "100")
    mtime = set_ahead(admin, 1)
    assert call(app, TRANSFER, 2, 3, "1")["ctime"] < mtime - timedelta(minutes=30)


def test_times_have_a_zone_and_are_the_same_instant_for_every_reader(app: Connection) -> None:
    open_accounts(app, "100")
    read: list[dict[str, Any]] = []
    for zone in ("UTC", "Asia/Kathmandu", "America/St_Johns"):
        app.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
        read.append(call(app, GET_TRANSACTION, 1))
    assert read[0] == read[1] == read[2]
    assert read[0]["ctime"].utcoffset() == timedelta(0)
