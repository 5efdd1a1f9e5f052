"""Deploy, verify, revert and deploy again; and what a verify script notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.migrations.project import HERE
from tests.support.calls import Connection, open_accounts
from tests.support.databases import Database, scripts

# All that a migration could leave behind in a database, and the cluster's roles. Sqitch's own
# schema, where it keeps its records, is not counted.
CATALOGUE = (
    """
    SELECT format('%s %s', d.classid::regclass, pg_describe_object(d.classid, d.objid, 0))
    FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
    WHERE d.refclassid = 'pg_namespace'::regclass
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'sqitch')
    ORDER BY 1
    """,
    r"SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|sqitch$)' ORDER BY 1",
    "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl",
    """
    SELECT acl.grantee::regrole::text, acl.privilege_type
    FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
    WHERE d.datname = current_database() ORDER BY 1, 2
    """,
    """
    SELECT s.refobjid::regrole::text, s.classid::regclass::text
    FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass ORDER BY 1, 2
    """,
    "SELECT rolname FROM pg_roles ORDER BY 1",
)
FUNCTIONS = """
    SELECT 'FUNCTION ' || p.oid::regprocedure AS object, 'functions/' || p.proname AS change
    FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace
"""
RELATIONS = """
    SELECT 'TABLE ' || c.oid::regclass AS object,
           CASE WHEN c.relkind = 'r' OR c.relname IN ('entry', 'help')
           THEN c.relname ELSE 'views' END AS change
    FROM pg_class c WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('r', 'v')
"""


def catalogue(database: Database) -> list[list[Any]]:
    return [database.execute(query) for query in CATALOGUE]


def fails(connection: Connection, script: str) -> bool:
    """Whether a script ends in an error. What its transaction did is taken back in any case."""
    try:
        connection.execute(script)
    except psycopg.Error:
        connection.execute("ROLLBACK")
        return True
    return False


def test_deploy_verify_revert_and_deploy_again(new_database: Callable[[], Database]) -> None:
    """By psql. The walkthrough 0-deploy.sql shows what Sqitch itself does of it."""
    database = new_database()
    before = catalogue(database)
    scripts("deploy", database)
    scripts("verify", database)
    after = catalogue(database)
    assert after != before
    with database.connect() as connection:
        open_accounts(connection, "10", "0")
    holds = "It has 2 accounts, 1 transactions and 0 pending transfers."
    with pytest.raises(RuntimeError, match=holds):
        scripts("revert", database, loses_data=False)
    assert catalogue(database) == after, "a revert that would lose money drops nothing"

    scripts("revert", database)
    assert catalogue(database) == before, "a revert leaves something behind"
    scripts("deploy", database)
    assert catalogue(database) == after


def test_each_verify_passes_until_its_change_is_reverted(database: Database) -> None:
    """And writes nothing, not even a sequence's next number."""
    with database.connect() as admin, database.connect() as verifier:
        verifier.execute("SET default_transaction_read_only = on")
        for name in reversed(HERE.names()):
            verifier.execute(HERE.script("verify", name))
            admin.execute(HERE.script("revert", name))
            assert fails(verifier, HERE.script("verify", name)), f"{name} is gone, verify passes"


def test_verify_notices_a_wrong_owner_and_wrong_privileges(database: Database) -> None:
    with database.connect() as admin:
        damages = [
            (row["change"], damage.format(row["object"]))
            for query, *templates in (
                (FUNCTIONS, "ALTER {} OWNER TO postgres", "GRANT EXECUTE ON {} TO PUBLIC"),
                (
                    RELATIONS,
                    "ALTER {} OWNER TO postgres",
                    "GRANT SELECT ON {} TO wallet_app",
                    "REVOKE SELECT ON {} FROM wallet_reader",
                ),
            )
            for row in admin.execute(query).fetchall()
            for damage in templates
            # Nobody but the owner may read the hashes of API keys.
            if (row["change"], damage[:6]) != ("api_key", "REVOKE")
        ]
        assert len(damages) > 100
        for change, damage in damages:
            admin.execute(f"BEGIN; {damage}")
            script = HERE.script("verify", change)
            assert fails(admin, script), f"verify of {change} does not notice: {damage}"
    scripts("verify", database)
