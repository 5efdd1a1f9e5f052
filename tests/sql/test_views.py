"""What the views for DBAs show is what a naive look at the tables says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.sql.test_catalogue import VIEWS
from tests.support.calls import Connection, call, ledger, open_accounts, rows, value
from tests.support.databases import Database, empty


@pytest.fixture(autouse=True)
def written(app: Connection, admin: Connection) -> None:
    """Transactions of every kind; account 4 has none, account 2 is frozen."""
    open_accounts(app, "100", "50", "0", "0")
    call(app, "transfer", 1, 2, 30)
    call(app, "withdraw", 2, 20)
    call(app, "transfer", 2, 1, "10.55")
    call(app, "reverse", 5)
    call(app, "transfer", 1, 3, 5)
    call(app, "reverse", 4)
    call(admin, "freeze_account", 2)


def view(reader: Connection, name: str) -> list[dict[str, Any]]:
    return rows(reader, f"SELECT * FROM wallet.{name}")


def test_account_overview_has_each_account(admin: Connection, reader: Connection) -> None:
    found = view(reader, "account_overview")
    assert sorted(found, key=lambda row: int(row["id"])) == [
        {
            "id": account["id"],
            "email": account["email"],
            "balance": account["balance"],
            "held": account["held"],
            "available": account["balance"] - account["held"] - account["minimum"],
            "minimum": account["minimum"],
            "maximum": account["maximum"],
            "frozen": account["frozen"],
            "entry_count": account["entry_count"],
            "opened": account["ctime"],
            "last_entry": account["mtime"] if account["entry_count"] else None,
            **dict.fromkeys(("reference", "metadata")),
        }
        for account in ledger(admin).accounts
    ]
    assert [row["id"] for row in found if row["frozen"]] == [2]
    assert [row["id"] for row in found if row["last_entry"] is None] == [4]


def test_recent_transaction_has_the_newest_first_and_says_what_each_is(reader: Connection) -> None:
    columns = "id, kind, source_account_id, target_account_id, amount::text, reverses"
    found = rows(reader, f"SELECT {columns} FROM wallet.recent_transaction")
    assert [tuple(row.values()) for row in found] == [
        (8, "reversal", None, 2, "20.00", 4),
        (7, "transfer", 1, 3, "5.00", None),
        (6, "reversal", 1, 2, "10.55", 5),
        (5, "transfer", 2, 1, "10.55", None),
        (4, "withdrawal", 2, None, "20.00", None),
        (3, "transfer", 1, 2, "30.00", None),
        (2, "deposit", None, 2, "50.00", None),
        (1, "deposit", None, 1, "100.00", None),
    ]
    newest = rows(reader, "SELECT * FROM wallet.recent_transaction LIMIT 3")
    assert [row["id"] for row in newest] == [8, 7, 6]


def test_daily_activity_counts_by_the_day_in_utc_whatever_the_zone(
    admin: Connection, reader: Connection
) -> None:
    """A second before and a second after midnight in UTC, read from far east and far west."""
    with admin.transaction():
        admin.execute("SET LOCAL wallet.change_history = on")
        for id, time in {1: "2026-02-28 23:59:59Z", 2: "2026-03-01 00:00:01Z"}.items():
            admin.execute("UPDATE wallet.transaction SET ctime = %s WHERE id = %s", (time, id))
    expected: dict[Any, Counter[str]] = {}
    for made in ledger(admin).transactions:
        day = expected.setdefault(made["ctime"].astimezone(UTC).date(), Counter())
        day["transactions"] += 1
        outside = "deposits" if made["source_account_id"] is None else "withdrawals"
        if None in (made["source_account_id"], made["target_account_id"]):
            day[outside] += 1
            day["paid_in" if outside == "deposits" else "paid_out"] += made["amount"]
        else:
            day["transferred"] += made["amount"]
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        reader.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
        found = view(reader, "daily_activity")
        assert [row["day"] for row in found] == sorted(expected, reverse=True)
        for row in found:
            day = expected[row.pop("day")]
            assert row == {name: day[name] for name in row}
    assert {datetime(2026, 2, 28).date(), datetime(2026, 3, 1).date()} < set(expected)


def test_largest_account_has_the_one_that_holds_most_first(
    admin: Connection, reader: Connection
) -> None:
    found = view(reader, "largest_account")
    columns = ("id", "email", "balance", "entry_count")
    accounts = [{name: row[name] for name in columns} for row in ledger(admin).accounts]
    assert found == sorted(accounts, key=lambda row: (-row["balance"], row["id"]))
    assert [row["id"] for row in found] == [2, 1, 3, 4]


def test_size_per_transaction_has_each_table_and_index(
    admin: Connection, reader: Connection
) -> None:
    admin.execute("ANALYZE wallet.transaction")
    found = view(reader, "size_per_transaction")
    relations = rows(
        admin,
        "SELECT relname AS relation, CASE relkind WHEN 'r' THEN 'table' ELSE 'index' END AS kind, "
        "pg_relation_size(oid) AS bytes FROM pg_class "
        "WHERE relnamespace = 'wallet'::regnamespace AND relkind IN ('r', 'i')",
    )
    assert {row["relation"] for row in relations} >= {"account", "transaction", "reversal"}
    assert [row["bytes"] for row in found] == sorted((r["bytes"] for r in relations), reverse=True)
    by_name = {row["relation"]: row for row in found}
    for relation in relations:
        row = by_name.pop(relation["relation"])
        assert (row["kind"], row["bytes"]) == (relation["kind"], relation["bytes"])
        assert row["bytes_per_transaction"] == round(Decimal(row["bytes"]) / 8, 1)
    assert by_name == {}


def test_queue_has_what_waits_the_next_one_first(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    asked = [call(app, "enqueue_transfer", 1, target, 5) for target in (2, 3, 4)]
    call(admin, "cancel_pending", asked[1]["id"])
    before = value(reader, "SELECT clock_timestamp()")
    found = view(reader, "queue")
    after = value(reader, "SELECT clock_timestamp()")
    for row, one in zip(found, (asked[0], asked[2]), strict=True):
        assert before - one["ctime"] <= row.pop("waiting") <= after - one["ctime"]
    assert found == [
        {
            "position": position,
            "id": one["id"],
            "source_account_id": 1,
            "target_account_id": one["target_account_id"],
            "amount": Decimal("5.00"),
            "ctime": one["ctime"],
            "actor": "wallet_app",
        }
        for position, one in enumerate((asked[0], asked[2]), 1)
    ]
    call(app, "process_pending", 1)
    assert [(row["position"], row["id"]) for row in view(reader, "queue")] == [(1, asked[2]["id"])]


def test_queue_stats_counts_what_waits_and_what_came_to_nothing(
    app: Connection, admin: Connection, reader: Connection
) -> None:
    asked = [call(app, "enqueue_transfer", 3, 4, amount) for amount in ("500", "1", "2.50", "3.25")]
    call(admin, "cancel_pending", asked[1]["id"])
    assert value(app, "process_pending", 1) == 1
    (row,) = view(reader, "queue_stats")
    assert row.pop("waiting").total_seconds() >= 0
    assert row == {
        "pending": 2,
        "amount": Decimal("5.75"),
        "oldest": asked[2]["ctime"],
        "failed": 1,
        "cancelled": 1,
        "last_failure": ledger(admin).failed[0]["ctime"],
    }


def test_an_empty_ledger_has_views_without_rows(
    database: Database, admin: Connection, reader: Connection
) -> None:
    empty(database)
    admin.execute("ANALYZE wallet.transaction")
    for name in VIEWS - {"size_per_transaction", "queue_stats", "help"}:
        assert view(reader, name) == []
    (stats,) = view(reader, "queue_stats")
    assert str(stats.pop("amount")) == "0.00"
    assert set(stats.values()) == {0, None}
    sizes = view(reader, "size_per_transaction")
    assert {row["bytes_per_transaction"] for row in sizes} == {None}
