"""plpgsql_check has nothing to say about any function, on a server that has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sql.test_plpgsql_warnings import CREATE_LATER, PLPGSQL
from tests.support import databases
from tests.support.databases import Database
from tests.support.extensions import install

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


def test_plpgsql_check_finds_nothing(checking: Database) -> None:
    assert checking.execute(CHECK) == []


def test_every_plpgsql_function_is_checked(checking: Database) -> None:
    rows = checking.execute(
        """
        SELECT p.proname, p.prorettype = 'trigger'::regtype AS is_trigger,
               ARRAY(SELECT t.tgrelid::regclass::text FROM pg_trigger t
                     WHERE t.tgfoid = p.oid ORDER BY 1) AS relations
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
        WHERE p.pronamespace = 'wallet'::regnamespace
        """
    )
    assert sorted(row["proname"] for row in rows) == sorted(
        source.name for source in PLPGSQL.values()
    )
    for row in rows:
        assert row["is_trigger"] == bool(row["relations"])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"declare": "v_rest bigint;"}, 'unused variable "v_rest"'),
        ({"body": "PERFORM a.rest FROM wallet.account a; RETURN 1;"}, "column a.rest does not"),
        ({"volatility": "VOLATILE"}, "should be IMMUTABLE"),
        ({"declare": "v_one bigint := 1;", "body": "RETURN v_one;"}, "target type is different"),
        (
            {"arguments": "name text", "body": "EXECUTE 'DROP ROLE ' || name; RETURN 1;"},
            "not sanitized",
        ),
    ],
    ids=["unused", "missing", "volatility", "cast", "injection"],
)
def test_plpgsql_check_would_find_it(
    parts: dict[str, str], message: str, checking: Database
) -> None:
    defaults = {"arguments": "", "volatility": "VOLATILE", "declare": "", "body": "RETURN 1;"}
    checking.execute(CREATE_LATER.format(**{**defaults, **parts}))
    found = [row for row in checking.execute(CHECK) if row["function"] == "later"]
    assert any(message in row["message"] for row in found), found
