"""What reads cost, in pages, on many rows: a page, a balance as of a moment, a search, an audit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import databases
from tests.support.calls import Connection, call, rows
from tests.support.databases import Database

ENTRIES = 50_000

# Account 1 is paid 1.00 from outside and passes it on to account 2, again and again. Others only
# have an address, and many transactions have a reference.
FILL = f"""
    BEGIN;
    INSERT INTO wallet.account (email, balance, ctime, mtime, entry_count)
    VALUES ('ada@example.com', 0.00, '2026-01-01Z',
            '2026-01-01Z'::timestamptz + interval '1 ms' * {ENTRIES}, {ENTRIES}),
           ('bob@example.com', {ENTRIES // 2}, '2026-01-01Z',
            '2026-01-01Z'::timestamptz + interval '1 ms' * {ENTRIES}, {ENTRIES // 2});
    INSERT INTO wallet.account (email, ctime, mtime)
    SELECT format('user%s@example.com', n), now(), now() FROM generate_series(1, 20000) n;
    INSERT INTO wallet.transaction (source_account_id, target_account_id, amount, ctime,
                                    source_entry, target_entry, source_balance, target_balance)
    SELECT CASE WHEN n % 2 = 0 THEN 1 END, CASE WHEN n % 2 = 0 THEN 2 ELSE 1 END, 1.00,
           '2026-01-01Z'::timestamptz + interval '1 ms' * n,
           CASE WHEN n % 2 = 0 THEN n END, CASE WHEN n % 2 = 0 THEN n / 2 ELSE n END,
           CASE WHEN n % 2 = 0 THEN 0.00 END, CASE WHEN n % 2 = 0 THEN n / 2 ELSE 1.00 END
    FROM generate_series(1, {ENTRIES}) AS s (n)
    ORDER BY s.n;
    INSERT INTO wallet.transaction_annotation
    SELECT n, 'order ' || n % 5000 FROM generate_series(1, 20000) n;
    COMMIT
"""
MOMENT = "'2026-01-01Z'::timestamptz + interval '1 ms' * "
# Each with the most pages that it may look at.
SEARCHES = {
    "find_accounts('USER777@example.com')": 10,
    "find_transactions('order 7')": 120,
    "find_transactions(account_id => 1, page_size => 5)": 120,
    f"find_transactions(account_id => 1, page_size => 5, to_time => {MOMENT} 40000, "
    "before => 500)": 400,
    "find_transactions(page_size => 5, before => 300)": 120,
    # An audit of one account does not read the others.
    "audit(3)": 100,
    # 16 steps, each down an index to one row of a table, on either side.
    **{
        f"balance_at(1, {MOMENT} {entry})": 170
        for entry in (0, 1, ENTRIES // 3, ENTRIES // 2, ENTRIES - 1, ENTRIES)
    },
}


@pytest.fixture(scope="module")
def full(template: Database) -> Iterator[Database]:
    """A sound ledger whose account 1 has so many entries."""
    full = databases.create(template.server, template.name)
    full.execute(FILL)
    full.execute("VACUUM ANALYZE")
    yield full
    databases.drop(full)


@pytest.fixture
def reading(full: Database) -> Iterator[Connection]:
    with full.connect("wallet_reader") as connection:
        yield connection


def buffers(connection: Connection, query: str) -> int:
    """How many pages a query looks at once all it needs is cached, those inside functions too.

    The first calls read the catalogues and choose a plan.
    """
    for _ in range(8):
        connection.execute(query)
    explained = call(
        connection, f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) {query}"
    )
    plan = explained["QUERY PLAN"][0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def test_a_statement_page_costs_the_same_wherever_it_is(reading: Connection) -> None:
    """The newest entry first, then the middle, then the oldest."""
    for page_size in (1, 50, 1000):
        costs = {}
        for before in ("NULL", ENTRIES + 1, ENTRIES // 2 + 1, page_size + 1):
            query = f"SELECT * FROM wallet.get_statement(1, {before}, {page_size})"
            assert len(rows(reading, query)) == page_size
            costs[before] = buffers(reading, query)
        print(f"pages looked at for {page_size} lines: {costs}")
        # An index page or a table page more is met where a range happens to straddle two.
        assert max(costs.values()) <= costs["NULL"] + 2
        # Each line needs an entry of an index, its row, and a look for a reversal.
        assert max(costs.values()) <= 20 + 3 * page_size


def test_what_is_looked_for_is_found_by_few_pages(reading: Connection) -> None:
    for asked, most in SEARCHES.items():
        found = rows(reading, f"SELECT * FROM wallet.{asked}")
        assert found or asked.startswith("audit"), asked
        if asked.startswith("balance_at"):
            moment = int(asked.split()[-1].rstrip(")"))
            assert [str(row["balance_at"]) for row in found] == [f"{moment % 2}.00"]
        assert buffers(reading, f"SELECT * FROM wallet.{asked}") <= most, asked


def test_an_audit_of_many_entries_finds_nothing(reading: Connection) -> None:
    assert rows(reading, "audit") == []
