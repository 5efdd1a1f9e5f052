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
    ("transaction", "ALTER TABLE wallet.transaction DROP COLUMN source_balance CASCADE"),
    ("transaction", "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_amount_range"),
    (
        "transaction",
        "ALTER TABLE wallet.transaction ADD FOREIGN KEY (target_account_id) "
        "REFERENCES wallet.account (id)",
    ),
    ("transaction", "DROP TRIGGER account_history ON wallet.account"),
    ("transaction", "ALTER TABLE wallet.account ENABLE TRIGGER account_history"),
    ("transaction", "DROP INDEX wallet.transaction_target_entry"),
    ("transaction", "ALTER TABLE wallet.transaction OWNER TO CURRENT_USER"),
    ("transaction", "GRANT INSERT ON wallet.transaction TO wallet_app"),
    ("transaction", "GRANT DELETE ON wallet.transaction TO PUBLIC"),
    ("reader", "REVOKE USAGE ON SCHEMA wallet FROM wallet_reader"),
    ("reader", "REVOKE SELECT ON wallet.account FROM wallet_reader"),
    ("reader", "REVOKE SELECT ON wallet.transaction FROM wallet_reader"),
    ("reader", "GRANT UPDATE ON wallet.account TO wallet_reader"),
    ("reader", "GRANT INSERT ON wallet.transaction TO wallet_reader"),
    ("reader", "GRANT pg_write_all_data TO wallet_reader"),
    ("withdrawal", "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_some_account"),
    ("withdrawal", "ALTER TABLE wallet.transaction DROP CONSTRAINT transaction_target_complete"),
    ("withdrawal", "ALTER TABLE wallet.transaction ALTER target_entry SET NOT NULL"),
    ("reversal", "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_reverses_key"),
    ("reversal", "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_comes_later"),
    ("reversal", "ALTER TABLE wallet.reversal DROP CONSTRAINT reversal_reverses_fkey"),
    ("reversal", "REVOKE SELECT ON wallet.reversal FROM wallet_reader"),
    ("reversal", "GRANT SELECT ON wallet.reversal TO wallet_app"),
    ("reversal", "GRANT DELETE ON wallet.reversal TO PUBLIC"),
    ("frozen", "ALTER TABLE wallet.account RENAME frozen TO thawed"),
    ("frozen", "ALTER TABLE wallet.account ALTER frozen DROP NOT NULL"),
    ("frozen", "ALTER TABLE wallet.account ALTER frozen DROP DEFAULT"),
    ("account_email", "DROP INDEX wallet.account_email"),
    (
        "account_email",
        "DROP INDEX wallet.account_email; CREATE INDEX account_email ON wallet.account (email)",
    ),
    ("append_only", "DROP TRIGGER transaction_history ON wallet.transaction"),
    ("append_only", "DROP TRIGGER reversal_history ON wallet.reversal"),
    ("append_only", "ALTER TABLE wallet.transaction DISABLE TRIGGER transaction_history"),
    ("append_only", "ALTER TABLE wallet.reversal ENABLE TRIGGER reversal_history"),
    (
        "append_only",
        "DROP TRIGGER reversal_history ON wallet.reversal; "
        "CREATE TRIGGER reversal_history BEFORE UPDATE OR DELETE ON wallet.reversal "
        "FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history(); "
        "ALTER TABLE wallet.reversal ENABLE ALWAYS TRIGGER reversal_history",
    ),
    ("entry", "REVOKE SELECT ON wallet.entry FROM wallet_reader"),
    ("entry", "GRANT SELECT ON wallet.entry TO wallet_app"),
    ("entry", "ALTER VIEW wallet.entry RENAME COLUMN balance TO total"),
    ("statement_line", "ALTER TYPE wallet.statement_line RENAME ATTRIBUTE kind TO sort"),
    ("statement_line", "ALTER TYPE wallet.statement_line OWNER TO CURRENT_USER"),
    ("violation", "ALTER TYPE wallet.violation OWNER TO CURRENT_USER"),
    ("violation", "ALTER TYPE wallet.violation RENAME ATTRIBUTE detail TO data"),
    ("transfer_request", "ALTER TYPE wallet.transfer_request RENAME ATTRIBUTE amount TO total"),
    ("transfer_request", "ALTER TYPE wallet.transfer_request OWNER TO CURRENT_USER"),
    ("outcome", "ALTER TYPE wallet.outcome RENAME ATTRIBUTE state TO status"),
    ("outcome", "ALTER TYPE wallet.outcome OWNER TO CURRENT_USER"),
    ("answer_outcomes", "ALTER TYPE wallet.answer RENAME ATTRIBUTE outcomes TO results"),
    ("answer_outcomes", "ALTER TYPE wallet.answer DROP ATTRIBUTE outcomes"),
    (
        "pending_transfer",
        "ALTER TABLE wallet.pending_transfer DROP CONSTRAINT pending_transfer_pkey",
    ),
    ("pending_transfer", "ALTER TABLE wallet.pending_transfer ALTER id DROP DEFAULT"),
    (
        "pending_transfer",
        "ALTER TABLE wallet.pending_transfer ALTER id SET DEFAULT nextval('wallet.account_id_seq')",
    ),
    ("pending_transfer", "ALTER TABLE wallet.pending_transfer OWNER TO CURRENT_USER"),
    ("pending_transfer", "REVOKE SELECT ON wallet.pending_transfer FROM wallet_reader"),
    ("pending_transfer", "GRANT DELETE ON wallet.pending_transfer TO wallet_reader"),
    ("pending_transfer", "GRANT INSERT ON wallet.pending_transfer TO wallet_app"),
    ("pending_transfer", "GRANT UPDATE (amount) ON wallet.pending_transfer TO PUBLIC"),
    (
        "failed_transfer",
        "ALTER TABLE wallet.failed_transfer DROP CONSTRAINT failed_transfer_pkey",
    ),
    ("failed_transfer", "ALTER TABLE wallet.failed_transfer RENAME hint TO advice"),
    ("failed_transfer", "ALTER TABLE wallet.failed_transfer OWNER TO CURRENT_USER"),
    ("failed_transfer", "REVOKE SELECT ON wallet.failed_transfer FROM wallet_reader"),
    ("failed_transfer", "GRANT SELECT ON wallet.failed_transfer TO wallet_app"),
    ("failed_transfer", "GRANT TRUNCATE ON wallet.failed_transfer TO PUBLIC"),
    ("failed_transfer", "DROP TRIGGER failed_transfer_history ON wallet.failed_transfer"),
    (
        "failed_transfer",
        "ALTER TABLE wallet.failed_transfer DISABLE TRIGGER failed_transfer_history",
    ),
    (
        "failed_transfer",
        "ALTER TABLE wallet.failed_transfer ENABLE TRIGGER failed_transfer_history",
    ),
    ("views", "DROP VIEW wallet.account_wait"),
    ("views", "DROP VIEW wallet.queue"),
    ("views", "ALTER VIEW wallet.queue_stats RENAME COLUMN pending TO waiting_ones"),
    ("views", "REVOKE SELECT ON wallet.queue FROM wallet_reader"),
    ("views", "GRANT SELECT ON wallet.queue_stats TO wallet_app"),
    ("views", "ALTER VIEW wallet.daily_activity RENAME COLUMN day TO date"),
    ("views", "REVOKE SELECT ON wallet.account_overview FROM wallet_reader"),
    ("views", "GRANT SELECT ON wallet.largest_account TO wallet_app"),
    ("views", "GRANT SELECT ON wallet.size_per_transaction TO PUBLIC"),
    ("idempotency_key", "ALTER TABLE wallet.idempotency_key DROP CONSTRAINT idempotency_key_pkey"),
    (
        "idempotency_key",
        "ALTER TABLE wallet.idempotency_key DROP CONSTRAINT idempotency_key_printable",
    ),
    ("idempotency_key", "ALTER TABLE wallet.idempotency_key RENAME answer TO outcome"),
    ("idempotency_key", "DROP INDEX wallet.idempotency_key_ctime"),
    ("idempotency_key", "ALTER TABLE wallet.idempotency_key OWNER TO CURRENT_USER"),
    ("idempotency_key", "REVOKE SELECT ON wallet.idempotency_key FROM wallet_reader"),
    ("idempotency_key", "GRANT UPDATE ON wallet.idempotency_key TO wallet_reader"),
    ("idempotency_key", "GRANT SELECT ON wallet.idempotency_key TO wallet_app"),
    ("idempotency_key", "GRANT UPDATE (answer) ON wallet.idempotency_key TO wallet_app"),
    ("idempotency_key", "GRANT DELETE ON wallet.idempotency_key TO PUBLIC"),
    ("answer", "ALTER TYPE wallet.answer RENAME ATTRIBUTE replayed TO again"),
    ("answer", "ALTER TYPE wallet.answer DROP ATTRIBUTE refusal CASCADE"),
    ("answer", "ALTER TYPE wallet.answer OWNER TO CURRENT_USER"),
]
FUNCTION_DAMAGE = [
    "DROP FUNCTION {function} CASCADE",
    "ALTER FUNCTION {function} OWNER TO CURRENT_USER",
    "GRANT EXECUTE ON FUNCTION {function} TO PUBLIC",
]
# To a function that runs with its owner's rights.
DEFINER_DAMAGE = [
    "ALTER FUNCTION {function} SECURITY INVOKER",
    "ALTER FUNCTION {function} RESET search_path",
    "ALTER FUNCTION {function} SET search_path = wallet, public",
]
# The functions in schema wallet. One with a key has a change of its own beside its namesake's.
FUNCTIONS = """
    SELECT p.proname || CASE WHEN p.proargnames[p.pronargs] = 'idempotency_key'
                             THEN '.with_key' ELSE '' END AS name,
           p.oid::regprocedure::text AS function, p.prosecdef AS definer,
           has_function_privilege('wallet_app', p.oid, 'EXECUTE') AS wallet_app,
           has_function_privilege('wallet_reader', p.oid, 'EXECUTE') AS wallet_reader,
           pg_get_functiondef(p.oid) AS definition, p.prosrc AS body,
           p.proretset OR p.prorettype = 'void'::regtype AS returns_no_value,
           l.lanname AS language
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = 'wallet'::regnamespace ORDER BY 1
"""
# The verify script of a change that is frozen was written before this role was.
UNKNOWN = {("valid_amount", "wallet_reader")}


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
            connection.execute("SELECT wallet.enqueue_transfer(1, 2, 250)")
            connection.execute("SELECT wallet.settle(1)")
            connection.execute("SELECT wallet.enqueue_transfer(1, 2, 2.50)")
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
    functions = deployed_database.execute(FUNCTIONS)
    assert {f"functions/{row['name']}" for row in functions} == {
        name for name in NOW if name.startswith("functions/")
    }
    for row in functions:
        rights = [
            f"REVOKE EXECUTE ON FUNCTION {{function}} FROM {role}"
            if row[role]
            else f"GRANT EXECUTE ON FUNCTION {{function}} TO {role}"
            for role in ("wallet_app", "wallet_reader")
            if (row["name"], role) not in UNKNOWN
        ]
        for damage in [*FUNCTION_DAMAGE, *(DEFINER_DAMAGE if row["definer"] else []), *rights]:
            statement = damage.format(function=row["function"])
            assert_notices(deployed_database, NOW[f"functions/{row['name']}"], statement)


def test_verify_notices_a_function_that_does_nothing(deployed_database: Database) -> None:
    functions = deployed_database.execute(FUNCTIONS)
    for row in functions:
        idle = "BEGIN RETURN; END" if row["returns_no_value"] else "BEGIN RETURN NULL; END"
        if row["language"] == "sql":
            idle = "SELECT NULL, NULL::bigint, NULL::bigint, NULL WHERE false"
            if row["name"] == "lock_accounts":
                idle = "SELECT a.* FROM wallet.account a WHERE false"
        statement = row["definition"].replace(row["body"], idle)
        assert_notices(deployed_database, NOW[f"functions/{row['name']}"], statement)
