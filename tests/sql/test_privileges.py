"""What roles may not do, shown at work; and no lookalike deceives a function.

test_catalogue.py says who may do what.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.calls import (
    TABLES,
    Connection,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
    value,
)
from tests.support.databases import Database, assert_sound
from tests.support.documents import section
from tests.support.servers import APP_PASSWORD
from tools.examples import DEPLOY

DENIED = "42501"  # insufficient_privilege
OPERATOR = section("People who correct").split("```sql\n")[1].split("```")[0]
# For each role two calls that are not for it, two tables that it may not touch, and more.
DENIALS: dict[str, dict[str, str | None]] = {
    "wallet_app": {
        "SELECT wallet.post(NULL, 1, 1, true)": "function post",
        "SELECT wallet.purge_idempotency_keys('1 day')": "function purge_idempotency_keys",
        "SELECT FROM wallet.account": "table account",
        "UPDATE wallet.account SET balance = balance": "table account",
        "SELECT nextval('wallet.account_id_seq')": "sequence account_id_seq",
    },
    "wallet_reader": {
        "SELECT wallet.deposit(1, 1)": "function deposit",
        "SELECT wallet.run_with_key('k-1', 'ada', 'reverse', '{\"transaction_id\": 1}')": (
            "function run_with_key"
        ),
        "INSERT INTO wallet.transaction DEFAULT VALUES": "table transaction",
        "SELECT FROM wallet.account FOR UPDATE": "table account",
        "SELECT FROM wallet.queue_lock FOR KEY SHARE": "table queue_lock",
        "LOCK TABLE wallet.queue_lock IN SHARE MODE": "table queue_lock",
        "DELETE FROM wallet.queue": None,
    },
    "ada": {
        "SELECT wallet.transfer(1, 2, 1)": "function transfer",
        "SELECT wallet.reverse(1, NULL, 'somebody')": "function reverse",
        "SELECT wallet.set_limits(1, 0, 1)": "function set_limits",
        "SELECT wallet.create_api_key('ada', '{write}')": "function create_api_key",
        "UPDATE wallet.account SET frozen = true": "table account",
        "SET ROLE wallet_app": None,
    },
    "wallet_test_stranger": {
        "SELECT wallet.get_account(1)": "schema wallet",
        "SELECT FROM wallet.entry": "schema wallet",
        "CREATE TEMPORARY TABLE mine (id integer)": None,
    },
}
OTHERS = (
    "CREATE TABLE wallet.mine (id integer)",
    "CREATE FUNCTION wallet.mine() RETURNS integer LANGUAGE sql RETURN 1",
    "ALTER FUNCTION wallet.transfer(bigint, bigint, numeric) SECURITY INVOKER",
    "DROP SCHEMA wallet CASCADE",
    "SET ROLE wallet_owner",
)


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "10", "10")


def test_each_role_is_denied_what_is_not_for_it(admin: Connection) -> None:
    assert OPERATOR in DEPLOY.read_text(), "the walkthrough gives the same rights"
    before = ledger(admin)
    for role, denials in DENIALS.items():
        for statement, what in [*denials.items(), *((other, None) for other in OTHERS)]:
            with admin.transaction(force_rollback=True):
                admin.execute(f"CREATE ROLE wallet_test_stranger; {OPERATOR}")
                # As if it had logged in: SET ROLE alone would keep a superuser's rights.
                admin.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
                diagnostic = refusal(admin, statement)
            assert diagnostic.sqlstate in (DENIED, "55000"), (role, statement)
            if what:
                assert diagnostic.message_primary == f"permission denied for {what}"
    assert ledger(admin) == before


def test_a_stranger_cannot_connect(database: Database, admin: Connection) -> None:
    admin.execute(f"CREATE ROLE wallet_test_stranger LOGIN PASSWORD '{APP_PASSWORD}'")
    try:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            database.connect("wallet_test_stranger")
    finally:
        admin.execute("DROP ROLE wallet_test_stranger")


def test_the_roles_that_log_in_are_bounded(app: Connection, reader: Connection) -> None:
    for connection in (app, reader):
        assert value(connection, "SHOW idle_in_transaction_session_timeout") == "1min"
        limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user"
        assert value(connection, limit) > 0


def test_who_takes_every_advisory_lock_does_not_hold_up_the_queue(
    app: Connection, reader: Connection
) -> None:
    call(app, "enqueue_transfer", 1, 2, 5)
    app.execute("SET lock_timeout = '1s'")
    with reader.transaction():
        for name in ("process_pending", "queue", "queue_lock"):
            reader.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"wallet.{name}",)
            )
        assert value(app, "process_pending", 10) == 1
        # What keeps it waiting is the row, and wallet_app alone may have that locked.
        assert refusal(reader, "SELECT FROM wallet.queue_lock FOR KEY SHARE").sqlstate == DENIED


def test_a_dba_may_grant_what_a_dba_decides(app: Connection, admin: Connection) -> None:
    """It works for a role that may do nothing else, once it is granted."""
    call(app, "deposit", 1, 1, "k")
    with admin.transaction(force_rollback=True):
        admin.execute("GRANT EXECUTE ON FUNCTION wallet.purge_idempotency_keys TO wallet_app")
        admin.execute("SET LOCAL SESSION AUTHORIZATION wallet_app")
        assert value(admin, "purge_idempotency_keys", "0") == 1


@pytest.fixture
def hostile(app: Connection, admin: Connection) -> Iterator[Connection]:
    """wallet_app with lookalikes of all that the functions use, first in its search_path."""
    admin.execute("CREATE SCHEMA hostile AUTHORIZATION wallet_app")
    admin.execute(f"GRANT TEMPORARY ON DATABASE {admin.info.dbname} TO wallet_app")
    for kind in ("bigint", "numeric", "timestamptz", "jsonb"):
        app.execute(
            f"CREATE FUNCTION hostile.no({kind}, {kind}) RETURNS boolean LANGUAGE sql RETURN false"
        )
        for operator in ("=", "<>", "<", ">", "<=", ">="):
            app.execute(
                f"CREATE OPERATOR hostile.{operator} "
                f"(FUNCTION = hostile.no, LEFTARG = {kind}, RIGHTARG = {kind})"
            )
    app.execute(
        "CREATE FUNCTION hostile.much(numeric, numeric) RETURNS numeric LANGUAGE sql RETURN 777"
    )
    for operator in ("+", "-"):
        app.execute(
            f"CREATE OPERATOR hostile.{operator} "
            "(FUNCTION = hostile.much, LEFTARG = numeric, RIGHTARG = numeric)"
        )
    for signature, result in {
        "round(numeric, integer) RETURNS numeric": "777",
        "round_amount(amount numeric) RETURNS numeric": "777",
        "max_amount() RETURNS numeric": "777",
        "clock_timestamp() RETURNS timestamptz": "timestamptz '1999-01-01 00:00Z'",
        "char_length(text) RETURNS integer": "1",
        "format(text, VARIADIC text[]) RETURNS text": "'hijacked'",
        "lower(text) RETURNS text": "'hijacked'",
        "to_jsonb(wallet.operation_result) RETURNS jsonb": "'7'::jsonb",
        "cardinality(wallet.transfer_result[]) RETURNS integer": "777",
        "nextval(regclass) RETURNS bigint": "777",
    }.items():
        app.execute(f"CREATE FUNCTION hostile.{signature} LANGUAGE sql RETURN {result}")
    for schema in ("hostile", "pg_temp"):
        app.execute(
            f"CREATE TABLE {schema}.account AS "
            "SELECT n::bigint AS id, 'mallory@example.com' AS email, 777.00 AS balance, "
            "now() AS ctime, now() AS mtime, 0::bigint AS entry_count, true AS frozen "
            "FROM generate_series(1, 2) n"
        )
        for name in ("entry", *(table for table in TABLES if table != "account")):
            app.execute(f"CREATE TABLE {schema}.{name} (LIKE {schema}.account)")
    app.execute("SET search_path = hostile, pg_catalog, wallet")
    yield app
    app.execute("RESET search_path")
    admin.execute("DROP SCHEMA hostile CASCADE")
    admin.execute(f"REVOKE TEMPORARY ON DATABASE {admin.info.dbname} FROM wallet_app")


def test_the_lookalikes_do_deceive_a_query_that_names_no_schema(hostile: Connection) -> None:
    row = call(
        hostile,
        """
        SELECT (SELECT max(a.balance) FROM account a) AS balance,
               round(1.005::numeric, 2) AS rounded,
               1::bigint = 1::bigint AS equal,
               1::numeric < 2::numeric AS less,
               1::numeric + 1::numeric AS sum,
               extract(year FROM clock_timestamp()) AS year
        """,
    )
    assert [str(value) for value in row.values()] == [
        *("777.00", "777", "False", "False", "777", "1999")
    ]


@pytest.mark.parametrize("search_path", ["hostile, pg_catalog, wallet", "pg_temp, hostile"])
def test_no_lookalike_deceives_a_function(
    hostile: Connection, admin: Connection, search_path: str
) -> None:
    hostile.execute(f"SET search_path = {search_path}")
    account = call(hostile, "create_account", "ada@example.com")
    assert (account["id"], account["email"]) == (3, "ada@example.com")
    began = value(admin, "SELECT clock_timestamp()")
    deposit = call(hostile, "deposit", 1, "1.005")
    assert (deposit["id"], str(deposit["amount"])) == (3, "1.01")
    transfer = call(hostile, "transfer", 1, 3, "11.005")
    assert (transfer["id"], str(transfer["amount"])) == (4, "11.01")
    assert began < deposit["ctime"] < transfer["ctime"]
    assert call(hostile, "get_transaction", 4) == transfer
    assert str(call(hostile, "get_account", 3)["balance"]) == "11.01"
    assert balances(admin) == {1: "0.00", 2: "10.00", 3: "11.01"}
    statement = rows(hostile, "get_statement", 3)
    assert [(line["entry"], str(line["balance"])) for line in statement] == [(1, "11.01")]
    assert str(value(hostile, "SELECT wallet.balance_at(3, pg_catalog.now())")) == "11.01"
    assert [row["id"] for row in rows(hostile, "find_accounts", "ADA@example.com")] == [1, 2, 3]
    withdrawal = call(hostile, "withdraw", 3, "1.005")
    assert (withdrawal["id"], str(withdrawal["amount"])) == (5, "1.01")
    reversal = call(hostile, "reverse", 5)
    assert (reversal["id"], str(reversal["target_balance"])) == (6, "11.01")
    for replayed in (False, True):
        again = "SELECT replayed, (transaction).id FROM wallet.deposit(3, 1.005, 'k')"
        assert call(hostile, again) == {"replayed": replayed, "id": 7}
    id = value(admin, "SELECT last_value FROM wallet.transaction_id_seq")
    batch = rows(hostile, "transfer_batch", ["(3,1,1.005)"], True)
    assert [(made["id"], str(made["amount"])) for made in batch] == [(id + 1, "1.01")]
    at_once = call(hostile, "transfer_or_enqueue", 3, 1, "1.005", 0)
    assert (at_once["id"], at_once["state"]) == (id + 2, "succeeded")
    queued = call(hostile, "enqueue_transfer", 3, 1, "1.005")
    assert (queued["id"], str(queued["amount"]), queued["state"]) == (id + 3, "1.01", "pending")
    assert value(hostile, "process_pending", 5) == 1
    assert call(hostile, "get_transfer_result", id + 3)["state"] == "succeeded"
    assert_sound(admin)
