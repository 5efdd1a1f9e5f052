"""sql/schema.sql, the schema of today for a reader."""

from __future__ import annotations

import re

import pytest

from tests.migrations.project import psql
from tests.support import databases
from tests.support.databases import Database
from tools import schema


def test_schema_sql_is_what_deploys(database: Database) -> None:
    if database.execute("SELECT 1 WHERE current_setting('server_version_num')::int < 160000"):
        pytest.skip("PostgreSQL 15 writes a view's columns out with their table's name")
    assert schema.SCHEMA.read_text(encoding="utf-8") == schema.dump(database.environ()), (
        "sql/schema.sql is not what deploys; run: make schema"
    )


def test_schema_sql_makes_the_same_schema_when_it_is_run(database: Database) -> None:
    """So nothing in it is missing, cut short or out of order."""
    empty = databases.create(database.server)
    try:
        done = psql(empty, "--single-transaction", "-f", str(schema.SCHEMA))
        assert done.returncode == 0, done.stdout
        again, first = schema.dump(empty.environ()), schema.dump(database.environ())
        # PostgreSQL keeps the order of a chain of ANDs that it reads back, not each parenthesis.
        assert re.sub("[()]", "", again) == re.sub("[()]", "", first)
    finally:
        databases.drop(empty)


def test_schema_sql_has_what_a_dump_of_one_schema_would_leave_out() -> None:
    text = schema.SCHEMA.read_text(encoding="utf-8")
    assert "ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner REVOKE ALL ON FUNCTIONS" in text


def test_schema_sql_says_nothing_of_who_wrote_it() -> None:
    """Neither pg_dump's version nor its session settings, which differ from server to server."""
    text = schema.SCHEMA.read_text(encoding="utf-8").removeprefix(schema.HEADER)
    for noise in ("pg_dump", "\n\\", "\nSET ", "pg_catalog.set_config", "sqitch"):
        assert noise not in text


def test_a_body_that_looks_like_a_setting_or_a_comment_is_kept() -> None:
    heading = "--\n-- Name: {}; Type: {}; Schema: {}; Owner: wallet_owner\n--\n\n"
    body = "CREATE FUNCTION wallet.f() RETURNS void\n    AS $$\n-- why\n\n\nSET x = 1;\n$$;"
    dump = (
        "SET statement_timeout = 0;\n\n"
        + heading.format("f()", "FUNCTION", "wallet")
        + f"{body}\n\n\nSET default_tablespace = '';\n\n"
        + heading.format("other", "TABLE", "public")
        + "CREATE TABLE public.other ();\n\n\n"
        + "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n"
    )
    assert schema.arrange(dump) == f"{schema.HEADER}\n-- Function wallet.f\n\n{body}\n"
