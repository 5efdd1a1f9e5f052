"""plpgsql_check has nothing to say about any function, on a server that has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sql.test_functions import SOURCES
from tests.support import databases
from tests.support.databases import Database
from tests.support.extensions import install

LATER = "CREATE FUNCTION wallet.later() RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$"
# A trigger's function is checked with each table that has it.
CHECK = """
    SELECT p.proname AS function, c.level, c.message, c.detail, c.context, c.query
    FROM pg_proc p
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
    LEFT JOIN pg_trigger t ON t.tgfoid = p.oid
    CROSS JOIN LATERAL plpgsql_check_function_tb(
        p.oid, relid => coalesce(t.tgrelid, 0), fatal_errors => false, other_warnings => true,
        performance_warnings => true, extra_warnings => true, security_warnings => true,
        compatibility_warnings => true
    ) c
    WHERE p.pronamespace = 'wallet'::regnamespace
      -- A function that raises would raise while it is planned, were it IMMUTABLE.
      AND NOT (p.proname = 'raise_refusal' AND c.message LIKE '%should be IMMUTABLE')
      -- Were it STABLE, it would not see what annotate_account() has just written.
      AND NOT (p.proname = 'get_annotation' AND c.message LIKE '%should be STABLE')
    ORDER BY p.proname, c.lineno
"""


@pytest.fixture
def checking(template: Database) -> Iterator[Database]:
    """A database of the test's own, with plpgsql_check in it."""
    database = databases.create(template.server, template.name)
    try:
        install(database, "plpgsql_check")
        yield database
    finally:
        databases.drop(database)


def test_plpgsql_check_finds_nothing_in_any_function_and_would_find_it(checking: Database) -> None:
    assert checking.execute(CHECK) == []
    checked = checking.execute(
        """
        SELECT p.proname AS name, p.prorettype = 'trigger'::regtype AS is_trigger,
               EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid) AS has_table
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
        WHERE p.pronamespace = 'wallet'::regnamespace
        """
    )
    assert sorted(row["name"] for row in checked) == sorted(
        source.name
        for source in SOURCES.values()
        for definition in source.definitions
        if "LANGUAGE plpgsql" in definition
    )
    assert [row for row in checked if row["is_trigger"] != row["has_table"]] == []
    checking.execute(LATER)
    found = [row["message"] for row in checking.execute(CHECK) if row["function"] == "later"]
    assert any("should be IMMUTABLE" in one for one in found), found
