"""What an account's entries say: its statement, newest first, and the balance as of a moment."""

from __future__ import annotations

from datetime import timedelta

from tests.support.calls import Connection, answer, call, open_accounts, refusal, rows, value

LARGEST = 2**63 - 1
MICROSECOND = timedelta(microseconds=1)
# Of an account with five entries: `before`, the page's size, and the entries that come.
PAGES: list[tuple[int | None, int, list[int]]] = [
    (None, 2, [5, 4]),
    (None, 5, [5, 4, 3, 2, 1]),
    (None, 1000, [5, 4, 3, 2, 1]),
    *((before, 2, [5, 4]) for before in (LARGEST, 7, 6)),
    (5, 2, [4, 3]),
    (3, 2, [2, 1]),
    (2, 2, [1]),
    (2, 1, [1]),
    *((before, 1000, []) for before in (1, 0, -1, -LARGEST - 1)),
]


def test_each_kind_of_entry_has_its_sign_its_counterparty_and_the_balance_after_it(
    app: Connection,
) -> None:
    open_accounts(app, "100", "50")
    call(app, "transfer", 1, 2, 30)
    call(app, "transfer", 2, 1, "10.5")
    call(app, "withdraw", 1, 20)
    for id in (3, 5):
        call(app, "reverse", id)
    columns = "entry, transaction_id AS id, kind, counterparty_account_id AS other, amount, balance"
    statement = rows(app, f"SELECT {columns} FROM wallet.get_statement(1)")
    assert [tuple(str(value) for value in line.values()) for line in statement] == [
        ("6", "7", "reversal", "None", "20.00", "110.50"),
        ("5", "6", "reversal", "2", "30.00", "90.50"),
        ("4", "5", "withdrawal", "None", "-20.00", "60.50"),
        ("3", "4", "transfer_in", "2", "10.50", "80.50"),
        ("2", "3", "transfer_out", "2", "-30.00", "70.00"),
        ("1", "1", "deposit", "None", "100.00", "100.00"),
    ]


def test_a_page_has_the_entries_before_the_one_named_50_unless_told(app: Connection) -> None:
    """A page is named by an entry: lines that come meanwhile move none."""
    open_accounts(app, "1", "1", "0")
    app.execute("SELECT wallet.deposit(1, 1) FROM generate_series(1, 59)")
    assert len(rows(app, "get_statement", 1)) == 50
    assert len(rows(app, "get_statement", 1, 11)) == 10
    app.execute("SELECT wallet.deposit(2, 1) FROM generate_series(1, 4)")
    for before, page_size, expected in PAGES:
        page = rows(app, "get_statement", 2, before, page_size)
        assert [line["entry"] for line in page] == expected, (before, page_size)
        assert rows(app, "get_statement", 3, before, page_size) == []
    page = rows(app, "get_statement", 2, 4, 2)
    call(app, "deposit", 2, 1)
    assert rows(app, "get_statement", 2, 4, 2) == page


def test_a_page_size_that_is_not_1_to_1000_is_refused_by_name(app: Connection) -> None:
    open_accounts(app, "10")
    for page_size in (0, -1, 1001, 2**31 - 1, -(2**31), None):
        for account_id in (1, 77):  # It comes before the account.
            diagnostic = refusal(app, "get_statement", account_id, None, page_size)
            assert (diagnostic.sqlstate, diagnostic.message_primary) == (
                *("22023", "invalid page size"),
            )
            said = "NULL" if page_size is None else str(page_size)
            assert diagnostic.message_detail == f"The page size is {said}."
            assert diagnostic.message_hint == "Give a page size of 1 to 1000."


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
        "UPDATE wallet.account SET mtime = now() + interval '1 hour' RETURNING mtime",
    )
    for amount in (1, 2, 3):
        assert call(app, "withdraw", 1, amount)["ctime"] == mtime
    assert at(app, 1, mtime) == "94.00"
    assert at(app, 1, mtime - MICROSECOND) == "100.00"
