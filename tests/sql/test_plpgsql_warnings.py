"""PostgreSQL itself warns of nothing in any PL/pgSQL function, with all its extra checks on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import Diagnostic

from tests.sql.test_functions import SOURCES, Source
from tests.support import databases
from tests.support.calls import Connection, open_accounts
from tests.support.databases import Database

PLPGSQL = {
    name: source for name, source in SOURCES.items() if "LANGUAGE plpgsql" in source.definition
}
EVERY_SOURCE = pytest.mark.parametrize("source", PLPGSQL.values(), ids=PLPGSQL)
CREATE_LATER = """
    CREATE FUNCTION wallet.later({arguments}) RETURNS bigint LANGUAGE plpgsql {volatility} AS $$
    DECLARE {declare} BEGIN {body} END $$
"""


@pytest.fixture
def strict(template: Database) -> Iterator[Connection]:
    """A superuser whom PostgreSQL warns of all that it can warn of, as errors.

    That is: a variable that hides another one, a row that is not the only one, and values that are
    more or fewer than the variables they go into. The latter two show when a function runs.
    """
    database = databases.create(template.server, template.name)
    with database.connect() as connection:
        connection.execute("SET plpgsql.extra_warnings = 'all'")
        connection.execute("SET plpgsql.extra_errors = 'all'")
        yield connection
    databases.drop(database)


@EVERY_SOURCE
def test_a_function_is_created_without_a_word(source: Source, strict: Connection) -> None:
    said: list[Diagnostic] = []
    strict.add_notice_handler(said.append)
    strict.execute(source.path.read_text())
    assert [diagnostic.message_primary for diagnostic in said] == []


@EVERY_SOURCE
def test_a_function_runs_without_a_word(source: Source, strict: Connection) -> None:
    said: list[Diagnostic] = []
    strict.add_notice_handler(said.append)
    open_accounts(strict, "100", "100")
    strict.execute(source.example)
    assert [diagnostic.message_primary for diagnostic in said] == []


@pytest.mark.parametrize(
    ("declare", "body", "message"),
    [
        ("v_one bigint; ", "DECLARE v_one bigint; BEGIN END; RETURN 1;", "shadows"),
        ("v_one int; ", "SELECT n INTO v_one FROM generate_series(1, 2) n; RETURN 1;", "more than"),
        ("v_one int; v_two int; ", "SELECT 1 INTO v_one, v_two; RETURN 1;", "does not match"),
    ],
)
def test_what_is_wrong_would_be_said(
    declare: str, body: str, message: str, strict: Connection
) -> None:
    statement = CREATE_LATER.format(arguments="", volatility="VOLATILE", declare=declare, body=body)
    with pytest.raises(psycopg.Error, match=message):
        strict.execute(f"{statement}; SELECT wallet.later()")
