"""find_accounts() returns the wallets of an address, without regard to case, in pages."""

from __future__ import annotations

from tests.support.calls import Connection, call, refusal, rows

OPENED = ["ada@example.com", "bob@example.com", "Ada@Example.com", "ADA@EXAMPLE.COM", "a@b"]
FOUND: dict[str | None, list[int]] = {
    "ada@example.com": [1, 3, 4],
    "aDA@eXAMPLE.com": [1, 3, 4],
    "bob@example.com": [2],
    "A@B": [5],
    "ada@example.co": [],
    "ada@example.com ": [],
    "%@%": [],
    "ada@example_com": [],
    "": [],
    None: [],
}


def test_accounts_are_found_whatever_the_case_the_oldest_first(
    app: Connection, admin: Connection
) -> None:
    for opened in OPENED:
        call(app, "create_account", opened)
    call(app, "deposit", 3, 5)
    admin.execute("UPDATE wallet.account SET frozen = false WHERE id = 1")  # Its row moves.
    for email, ids in FOUND.items():
        assert rows(app, "find_accounts", email) == [call(app, "get_account", id) for id in ids], (
            email
        )


def test_pages_lead_from_the_oldest_account_to_the_newest(
    app: Connection, admin: Connection
) -> None:
    admin.execute(
        "INSERT INTO wallet.account (email) "
        "SELECT CASE n % 2 WHEN 0 THEN 'Ada@b' ELSE 'bob@b' END FROM generate_series(1, 122) n"
    )
    for size, pages in ((50, 2), (17, 4), (61, 1), (1000, 1), (1, 61)):
        found: list[int] = []
        for _ in range(pages):
            page = rows(app, "find_accounts", "ada@B", max(found, default=None), size)
            assert len(page) == min(size, 61 - len(found))
            found += [row["id"] for row in page]
        assert found == list(range(2, 123, 2))
        assert rows(app, "find_accounts", "ada@b", 122, size) == []
    assert len(rows(app, "find_accounts", "ada@b")) == 50
    assert len(rows(app, "find_accounts", "ada@b", -(2**63), 1000)) == 61
    assert rows(app, "find_accounts", "ada@b", 2**63 - 1) == []
    for wrong in (None, 0, -1, 1001):
        assert refusal(app, "find_accounts", "ada@b", None, wrong).sqlstate == "22023"


def test_an_address_is_found_through_the_index(app: Connection, admin: Connection) -> None:
    """With 20 000 accounts in the table, and by an index's pages alone."""
    admin.execute(
        "INSERT INTO wallet.account (email) "
        "SELECT format('user%s@example.com', n) FROM generate_series(1, 20000) n"
    )
    admin.execute("ANALYZE wallet.account")
    for _ in range(6):
        assert len(rows(app, "find_accounts", "USER777@example.com")) == 1
    plan = call(
        app,
        "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
        "SELECT * FROM wallet.find_accounts('USER777@example.com')",
    )["QUERY PLAN"][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= 10
