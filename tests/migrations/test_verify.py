"""Verify scripts leave no trace, and notice what is gone or open to the wrong role."""

from __future__ import annotations

from typing import Any

import pytest

from tests.migrations.project import HERE, Change
from tests.support.databases import Database

NOW = {change.name: change for change in HERE.changes()}

# What must not go unnoticed, by change.
DAMAGE = [
    ("roles", "ALTER ROLE wallet_owner LOGIN"),
    ("roles", "ALTER ROLE wallet_owner SUPERUSER"),
    ("roles", "ALTER ROLE wallet_app SUPERUSER"),
    ("roles", "ALTER ROLE wallet_app BYPASSRLS"),
    ("roles", "GRANT wallet_owner TO wallet_app"),
    ("schema", "REVOKE USAGE ON SCHEMA wallet FROM wallet_app"),
    ("schema", "GRANT CREATE ON SCHEMA wallet TO wallet_app"),
    ("schema", "GRANT CREATE ON SCHEMA wallet TO PUBLIC"),
    ("schema", "ALTER SCHEMA wallet OWNER TO CURRENT_USER"),
    (
        "schema",
        "ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    ),
    (
        "schema",
        "ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner GRANT EXECUTE ON FUNCTIONS TO wallet_app",
    ),
    ("account", "ALTER TABLE wallet.account RENAME COLUMN balance TO total"),
    ("account", "ALTER TABLE wallet.account DROP CONSTRAINT account_balance_range"),
    ("account", "ALTER TABLE wallet.account OWNER TO CURRENT_USER"),
    ("account", "GRANT SELECT ON wallet.account TO wallet_app"),
    ("account", "GRANT UPDATE (balance) ON wallet.account TO wallet_app"),
    ("account", "GRANT TRUNCATE ON wallet.account TO PUBLIC"),
    ("account", "GRANT pg_read_all_data TO wallet_app"),
    ("transaction", "ALTER TABLE wallet.transaction DROP COLUMN source_balance"),
    ("transaction", "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_amount_range"),
    (
        "transaction",
        "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_source_account_id_fkey",
    ),
    ("transaction", "DROP INDEX wallet.transaction_target_entry"),
    ("transaction", "ALTER TABLE wallet.transaction OWNER TO CURRENT_USER"),
    ("transaction", "GRANT INSERT ON wallet.transaction TO wallet_app"),
    ("transaction", "GRANT DELETE ON wallet.transaction TO PUBLIC"),
]
FUNCTION_DAMAGE = [
    "DROP FUNCTION {function}",
    "ALTER FUNCTION {function} OWNER TO CURRENT_USER",
    "GRANT EXECUTE ON FUNCTION {function} TO PUBLIC",
]
PUBLIC_FUNCTION_DAMAGE = [
    "REVOKE EXECUTE ON FUNCTION {function} FROM wallet_app",
    "ALTER FUNCTION {function} SECURITY INVOKER",
    "ALTER FUNCTION {function} RESET search_path",
    "ALTER FUNCTION {function} SET search_path = wallet, public",
]
HELPER_DAMAGE = ["GRANT EXECUTE ON FUNCTION {function} TO wallet_app"]


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row, and where every sequence stands."""
    relations = database.execute(
        "SELECT oid::regclass::text AS name, relkind FROM pg_class "
        "WHERE relnamespace = 'wallet'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1"
    )
    return {
        row["name"]: database.execute(
            f"SELECT last_value, is_called FROM {row['name']}"
            if row["relkind"] == "S"
            else f"SELECT * FROM {row['name']} ORDER BY 1"
        )
        for row in relations
    }


def assert_notices(database: Database, change: Change, damage: str) -> None:
    done = HERE.verify(database, change, before=f"{damage};")
    assert done.returncode == 3, f"verify of {change} does not notice: {damage}\n{done.stdout}"
    assert "psql:/" in done.stdout, f"it is not the script that failed:\n{done.stdout}"


@pytest.mark.parametrize("rows", [0, 2])
def test_verify_leaves_no_trace(deployed_database: Database, rows: int) -> None:
    with deployed_database.connect() as connection:
        for _ in range(rows):
            connection.execute("SELECT wallet.create_account('ada@example.com')")
        if rows:
            connection.execute("SELECT wallet.deposit(1, 10)")
            connection.execute("SELECT wallet.transfer(1, 2, 2.50)")
    before = contents(deployed_database)
    assert {"wallet.account", "wallet.account_id_seq", "wallet.transaction_id_seq"} <= set(before)
    HERE.sqitch(deployed_database, "verify")
    assert contents(deployed_database) == before


def test_verify_notices_damage(deployed_database: Database) -> None:
    for name, damage in DAMAGE:
        assert_notices(deployed_database, NOW[name], damage)
    # The damage itself was rolled back each time.
    HERE.sqitch(deployed_database, "verify")


def test_verify_notices_damage_to_a_function(deployed_database: Database) -> None:
    functions = deployed_database.execute(
        """
        SELECT p.proname AS name, p.oid::regprocedure::text AS function,
               has_function_privilege('wallet_app', p.oid, 'EXECUTE') AS public
        FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace ORDER BY 1
        """
    )
    assert {f"functions/{row['name']}" for row in functions} == {
        name for name in NOW if name.startswith("functions/")
    }
    for row in functions:
        for damage in [
            *FUNCTION_DAMAGE,
            *(PUBLIC_FUNCTION_DAMAGE if row["public"] else HELPER_DAMAGE),
        ]:
            statement = damage.format(function=row["function"])
            assert_notices(deployed_database, NOW[f"functions/{row['name']}"], statement)


def test_verify_notices_a_function_that_refuses_nothing(deployed_database: Database) -> None:
    functions = deployed_database.execute(
        """
        SELECT p.proname AS name, pg_get_functiondef(p.oid) AS definition, p.prosrc AS body
        FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace ORDER BY 1
        """
    )
    for row in functions:
        statement = row["definition"].replace(row["body"], "BEGIN RETURN NULL; END")
        assert_notices(deployed_database, NOW[f"functions/{row['name']}"], statement)
