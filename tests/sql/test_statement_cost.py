"""A page of a statement, a balance as of a moment and an audit, on many entries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import databases
from tests.support.calls import Connection, call, rows
from tests.support.databases import Database

ENTRIES = 50_000

# Account 1 is paid 1.00 from outside and passes it on to account 2, again and again.
FILL = f"""
    BEGIN;
    INSERT INTO wallet.account (email, balance, ctime, mtime, entry_count)
    VALUES ('ada@example.com', 0.00, '2026-01-01Z',
            '2026-01-01Z'::timestamptz + interval '1 ms' * {ENTRIES}, {ENTRIES}),
           ('bob@example.com', {ENTRIES // 2}, '2026-01-01Z',
            '2026-01-01Z'::timestamptz + interval '1 ms' * {ENTRIES}, {ENTRIES // 2});
    INSERT INTO wallet.transaction (source_account_id, target_account_id, amount, ctime,
                                    source_entry, target_entry, source_balance, target_balance)
    SELECT CASE WHEN n % 2 = 0 THEN 1 END, CASE WHEN n % 2 = 0 THEN 2 ELSE 1 END, 1.00,
           '2026-01-01Z'::timestamptz + interval '1 ms' * n,
           CASE WHEN n % 2 = 0 THEN n END, CASE WHEN n % 2 = 0 THEN n / 2 ELSE n END,
           CASE WHEN n % 2 = 0 THEN 0.00 END, CASE WHEN n % 2 = 0 THEN n / 2 ELSE 1.00 END
    FROM generate_series(1, {ENTRIES}) AS s (n)
    ORDER BY s.n;
    COMMIT
"""


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


def test_a_balance_as_of_a_moment_is_found_by_halving(reading: Connection) -> None:
    """16 steps, each down an index to one row of a table, on either side."""
    for entry in (0, 1, ENTRIES // 3, ENTRIES // 2, ENTRIES - 1, ENTRIES):
        at = f"'2026-01-01Z'::timestamptz + interval '1 ms' * {entry}"
        query = f"SELECT * FROM wallet.balance_at(1, {at})"
        row = call(reading, query)
        assert str(row["balance_at"]) == f"{entry % 2}.00"
        assert buffers(reading, query) <= 17 * 10


def test_an_audit_reads_what_it_must_and_finds_nothing(full: Database, reading: Connection) -> None:
    """An audit of one account does not read the others."""
    assert rows(reading, "audit") == []
    full.execute("INSERT INTO wallet.account (email, ctime, mtime) VALUES ('c@d', now(), now())")
    assert rows(reading, "audit", 3) == []
    assert buffers(reading, "SELECT * FROM wallet.audit(3)") < 100
