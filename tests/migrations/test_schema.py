"""sql/schema.sql, the schema of today for a reader."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support import databases
from tests.support.databases import Database
from tools import schema

BODIES = """
    SELECT p.oid::regprocedure::text, p.prosrc FROM pg_proc p
    WHERE p.pronamespace = 'wallet'::regnamespace ORDER BY 1
"""


def test_schema_sql_is_what_deploys(database: Database) -> None:
    if database.execute("SELECT 1 WHERE current_setting('server_version_num')::int < 160000"):
        pytest.skip("PostgreSQL 15 writes a view's columns out with their table's name")
    assert schema.SCHEMA.read_text(encoding="utf-8") == schema.dump(database.environ()), (
        "sql/schema.sql is not what deploys; run: make docs"
    )


def test_schema_sql_makes_the_same_schema_when_it_is_run(database: Database) -> None:
    """So nothing in it is missing, cut short or out of order."""
    assert "REVOKE ALL ON FUNCTIONS FROM PUBLIC" in schema.SCHEMA.read_text(encoding="utf-8")
    empty = databases.create(database.server)
    try:
        psql = ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(schema.SCHEMA)]
        done = subprocess.run(
            psql, env={**os.environ, **empty.environ()}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert empty.execute(BODIES) == database.execute(BODIES)
        again, first = schema.dump(empty.environ()), schema.dump(database.environ())
        # PostgreSQL keeps the order of a chain of ANDs that it reads back, not each parenthesis.
        assert re.sub("[()]", "", again) == re.sub("[()]", "", first)
    finally:
        databases.drop(empty)
