"""Who may do what: wallet_app calls, wallet_reader reads, a DBA decides, PUBLIC does nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.calls import (
    CANCEL_PENDING,
    DEPOSIT,
    ENQUEUE_TRANSFER,
    GET_ACCOUNT,
    GET_OUTCOME,
    SETTLE,
    TRANSFER,
    Connection,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
    rows,
)
from tests.support.databases import assert_sound

DENIED = "42501"  # insufficient_privilege

PUBLIC_FUNCTIONS = {
    "create_account(text)": "wallet.create_account('ada@example.com')",
    "get_account(bigint)": "wallet.get_account(1)",
    "deposit(bigint,numeric)": "wallet.deposit(1, 1)",
    "transfer(bigint,bigint,numeric)": "wallet.transfer(1, 2, 1)",
    "get_transaction(bigint)": "wallet.get_transaction(1)",
    "withdraw(bigint,numeric)": "wallet.withdraw(1, 1)",
    "reverse(bigint)": "wallet.reverse(1)",
    "find_accounts(text)": "wallet.find_accounts('ada@example.com')",
    "get_statement(bigint,bigint,integer)": "wallet.get_statement(1)",
    "balance_at(bigint,timestamp with time zone)": "wallet.balance_at(1, now())",
    "create_account(text,text)": "wallet.create_account('ada@example.com', 'k-1')",
    "deposit(bigint,numeric,text)": "wallet.deposit(1, 1, 'k-2')",
    "withdraw(bigint,numeric,text)": "wallet.withdraw(1, 1, 'k-3')",
    "transfer(bigint,bigint,numeric,text)": "wallet.transfer(1, 2, 1, 'k-4')",
    "reverse(bigint,text)": "wallet.reverse(1, 'k-5')",
    "transfer_batch(transfer_request[],boolean)": "wallet.transfer_batch('{\"(1,2,1)\"}', true)",
    "transfer_batch(transfer_request[],boolean,text)": (
        "wallet.transfer_batch('{\"(1,2,1)\"}', true, 'k-6')"
    ),
    "enqueue_transfer(bigint,bigint,numeric)": "wallet.enqueue_transfer(1, 2, 1)",
    "enqueue_transfer(bigint,bigint,numeric,text)": "wallet.enqueue_transfer(1, 2, 1, 'k-7')",
    "transfer_or_enqueue(bigint,bigint,numeric,numeric)": "wallet.transfer_or_enqueue(1, 2, 1, 0)",
    "transfer_or_enqueue(bigint,bigint,numeric,numeric,text)": (
        "wallet.transfer_or_enqueue(1, 2, 1, 0, 'k-8')"
    ),
    "settle(integer)": "wallet.settle(1)",
    "get_outcome(bigint)": "wallet.get_outcome(1)",
}
# What wallet_reader may execute: all of it reads, and the last is not for wallet_app.
READING_FUNCTIONS = {
    **{
        name: PUBLIC_FUNCTIONS[name]
        for name in (
            "get_account(bigint)",
            "get_transaction(bigint)",
            "find_accounts(text)",
            "get_statement(bigint,bigint,integer)",
            "balance_at(bigint,timestamp with time zone)",
            "get_outcome(bigint)",
        )
    },
    "audit(bigint)": "wallet.audit()",
}
# For DBAs, and for whom they grant them to.
DBA_FUNCTIONS = {
    "freeze_account(bigint)": "wallet.freeze_account(1)",
    "unfreeze_account(bigint)": "wallet.unfreeze_account(1)",
    "purge_idempotency_keys(interval)": "wallet.purge_idempotency_keys('30 days')",
    "cancel_pending(bigint)": "wallet.cancel_pending(1)",
}
INTERNAL_FUNCTIONS = {
    "valid_amount(numeric)": "wallet.valid_amount(1)",
    "refusal(text,bigint,numeric,numeric)": "wallet.refusal('WL003')",
    "post(bigint,bigint,numeric)": "wallet.post(NULL, 1, 1)",
    "keep_history()": "wallet.keep_history()",
    "audit_entries(bigint)": "wallet.audit_entries(NULL)",
    "audit_transactions(bigint)": "wallet.audit_transactions(NULL)",
    "audit_reversals(bigint)": "wallet.audit_reversals(NULL)",
    "attempt(text,jsonb)": "wallet.attempt('reverse', '{\"transaction_id\": 1}')",
    "once(text,text,jsonb)": "wallet.once('k-1', 'reverse', '{\"transaction_id\": 1}')",
    "audit_queue(bigint)": "wallet.audit_queue(NULL)",
    "lock_accounts(bigint[])": "wallet.lock_accounts('{1,2}')",
    "decide_batch(bigint[],transfer_request[])": (
        "wallet.decide_batch(NULL, '{\"(1,2,1)\"}'::wallet.transfer_request[])"
    ),
    "write_batch(outcome[])": "wallet.write_batch('{}'::wallet.outcome[])",
}
ALL_FUNCTIONS = {**PUBLIC_FUNCTIONS, **READING_FUNCTIONS, **DBA_FUNCTIONS, **INTERNAL_FUNCTIONS}
TABLES = (
    "account",
    "transaction",
    "reversal",
    "idempotency_key",
    "pending_transfer",
    "failed_transfer",
)
VIEWS = (
    "account_overview",
    "account_wait",
    "daily_activity",
    "entry",
    "largest_account",
    "queue",
    "queue_stats",
    "recent_transaction",
    "size_per_transaction",
)


def others(allowed: dict[str, str]) -> dict[str, str]:
    """The functions that are not among these."""
    return {name: call for name, call in ALL_FUNCTIONS.items() if name not in allowed}


TOUCHES = {
    "SELECT": "SELECT FROM wallet.{}",
    "SELECT FOR UPDATE": "SELECT FROM wallet.{} FOR UPDATE",
    "INSERT": "INSERT INTO wallet.{} DEFAULT VALUES",
    "UPDATE": "UPDATE wallet.{0} SET {1} = {1}",
    "DELETE": "DELETE FROM wallet.{}",
    "TRUNCATE": "TRUNCATE wallet.{} CASCADE",
    "COPY": "COPY wallet.{} TO STDOUT",
    "LOCK": "DO $$ BEGIN LOCK TABLE wallet.{}; END $$",
}
OTHERS = (
    "SELECT nextval('wallet.account_id_seq')",
    "SELECT setval('wallet.transaction_id_seq', 1)",
    "SELECT last_value FROM wallet.transaction_id_seq",
    "CREATE TABLE wallet.mine (id integer)",
    "CREATE FUNCTION wallet.mine() RETURNS integer LANGUAGE sql RETURN 1",
    "CREATE OR REPLACE FUNCTION wallet.valid_amount(amount numeric) RETURNS numeric "
    "LANGUAGE sql RETURN amount",
    "ALTER FUNCTION wallet.transfer(bigint, bigint, numeric) SECURITY INVOKER",
    "ALTER TABLE wallet.account DROP CONSTRAINT account_balance_range",
    "DROP FUNCTION wallet.transfer(bigint, bigint, numeric)",
    "DROP SCHEMA wallet CASCADE",
    "SET ROLE wallet_owner",
    "GRANT UPDATE ON wallet.account TO PUBLIC",
)
EVERY_TABLE = pytest.mark.parametrize("table", TABLES)
COLUMNS = {
    "account": "balance",
    "transaction": "amount",
    "reversal": "reverses",
    "idempotency_key": "answer",
    "pending_transfer": "amount",
    "failed_transfer": "sqlstate",
}


def touch(statement: str, table: str) -> str:
    return statement.format(table, COLUMNS.get(table, "*"))


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "10", "10")


@pytest.mark.parametrize("expression", PUBLIC_FUNCTIONS.values(), ids=PUBLIC_FUNCTIONS)
def test_wallet_app_executes_every_public_function(app: Connection, expression: str) -> None:
    assert app.execute(f"SELECT * FROM {expression}").fetchall()


@pytest.mark.parametrize(
    "expression", others(PUBLIC_FUNCTIONS).values(), ids=others(PUBLIC_FUNCTIONS)
)
def test_wallet_app_executes_no_other_function(
    app: Connection, admin: Connection, expression: str
) -> None:
    before = ledger(admin)
    diagnostic = refusal(app, f"SELECT {expression}")
    assert diagnostic.sqlstate == DENIED
    assert "permission denied for function" in (diagnostic.message_primary or "")
    assert ledger(admin) == before


@EVERY_TABLE
@pytest.mark.parametrize("statement", TOUCHES.values(), ids=TOUCHES)
def test_wallet_app_touches_no_table(
    app: Connection, admin: Connection, table: str, statement: str
) -> None:
    before = ledger(admin)
    diagnostic = refusal(app, touch(statement, table))
    assert diagnostic.sqlstate == DENIED
    assert diagnostic.message_primary == f"permission denied for table {table}"
    assert ledger(admin) == before


@pytest.mark.parametrize("statement", OTHERS)
def test_wallet_app_changes_nothing_in_the_schema(
    app: Connection, admin: Connection, statement: str
) -> None:
    before = ledger(admin)
    assert refusal(app, statement).sqlstate == DENIED
    assert ledger(admin) == before


@pytest.mark.parametrize(
    "statement",
    [
        *(f"SELECT {expression}" for expression in ALL_FUNCTIONS.values()),
        *(touch(statement, table) for table in TABLES for statement in TOUCHES.values()),
        *(f"SELECT FROM wallet.{view}" for view in VIEWS),
    ],
)
def test_a_role_that_was_granted_nothing_can_do_nothing(admin: Connection, statement: str) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("CREATE ROLE wallet_test_stranger")
        admin.execute("SET LOCAL ROLE wallet_test_stranger")
        diagnostic = refusal(admin, statement)
    assert diagnostic.sqlstate == DENIED
    assert diagnostic.message_primary == "permission denied for schema wallet"


def faults(admin: Connection) -> list[str]:
    """What is wrong with the functions in schema wallet, whichever they are."""
    return [
        row["fault"]
        for row in admin.execute(
            """
            SELECT format('%s %s', f.name, c.complaint) AS fault
            FROM (
                SELECT p.*, p.oid::regprocedure::text AS name,
                       has_function_privilege('wallet_app', p.oid, 'EXECUTE')
                       OR has_function_privilege('wallet_reader', p.oid, 'EXECUTE') AS is_granted
                FROM pg_proc p
                WHERE p.pronamespace = 'wallet'::regnamespace
            ) f
            CROSS JOIN LATERAL (VALUES
                ('is not owned by wallet_owner', f.proowner <> 'wallet_owner'::regrole),
                ('is for everybody', has_function_privilege('public', f.oid, 'EXECUTE')),
                ('answers NULL to a NULL', f.proisstrict),
                ('has no comment', obj_description(f.oid, 'pg_proc') IS NULL),
                ('runs as its caller', f.is_granted AND NOT f.prosecdef),
                (
                    'finds what its caller wants it to find',
                    (f.is_granted OR f.prosecdef)
                    AND NOT 'search_path=wallet, pg_temp' = ANY (coalesce(f.proconfig, '{}'))
                )
            ) c (complaint, is_true)
            WHERE c.is_true
            ORDER BY fault
            """
        )
    ]


def test_every_function_there_is_keeps_the_rules(admin: Connection) -> None:
    assert faults(admin) == []


def executable(admin: Connection, role: str) -> set[str]:
    rows = admin.execute(
        """
        SELECT replace(p.oid::regprocedure::text, 'wallet.', '') AS name
        FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace
          AND has_function_privilege(%s, p.oid, 'EXECUTE')
        """,
        (role,),
    )
    return {row["name"] for row in rows}


def test_each_role_may_execute_what_the_contract_names(admin: Connection) -> None:
    assert executable(admin, "wallet_app") == set(PUBLIC_FUNCTIONS)
    assert executable(admin, "wallet_reader") == set(READING_FUNCTIONS)
    assert executable(admin, "wallet_owner") == set(ALL_FUNCTIONS)


@pytest.mark.parametrize("expression", READING_FUNCTIONS.values(), ids=READING_FUNCTIONS)
def test_wallet_reader_executes_every_function_that_reads(
    reader: Connection, admin: Connection, expression: str
) -> None:
    before = ledger(admin)
    rows = reader.execute(f"SELECT * FROM {expression}").fetchall()
    assert bool(rows) == (expression != "wallet.audit()")
    assert ledger(admin) == before


@pytest.mark.parametrize(
    "expression", others(READING_FUNCTIONS).values(), ids=others(READING_FUNCTIONS)
)
def test_wallet_reader_executes_no_function_that_writes(
    reader: Connection, admin: Connection, expression: str
) -> None:
    before = ledger(admin)
    diagnostic = refusal(reader, f"SELECT {expression}")
    assert diagnostic.sqlstate == DENIED
    assert "permission denied for function" in (diagnostic.message_primary or "")
    assert ledger(admin) == before


def test_no_function_that_wallet_reader_executes_can_write(admin: Connection) -> None:
    """PostgreSQL itself refuses a write in a function that is not VOLATILE."""
    rows = admin.execute(
        """
        SELECT replace(p.oid::regprocedure::text, 'wallet.', '') AS name, p.provolatile
        FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace
          AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
        """
    ).fetchall()
    assert {row["name"]: row["provolatile"] for row in rows} == dict.fromkeys(
        READING_FUNCTIONS, "s"
    )


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
def test_wallet_reader_reads_every_table_and_view(reader: Connection, relation: str) -> None:
    count = call(reader, f"SELECT count(*) AS count FROM wallet.{relation}")["count"]
    may_be_empty = {*TABLES[2:], "account_wait", "queue"}
    assert count > 0 or relation in may_be_empty


@pytest.mark.parametrize("relation", [*TABLES, *VIEWS])
@pytest.mark.parametrize(
    "statement",
    [statement for kind, statement in TOUCHES.items() if kind not in ("SELECT", "COPY")],
)
def test_wallet_reader_writes_and_locks_no_table_or_view(
    reader: Connection, admin: Connection, relation: str, statement: str
) -> None:
    before = ledger(admin)
    diagnostic = refusal(reader, touch(statement, relation))
    if relation in TABLES:
        assert diagnostic.sqlstate == DENIED
    else:  # A view is not for writing, whoever asks.
        assert diagnostic.sqlstate in (DENIED, "42601", "55000", "42809")
    assert ledger(admin) == before


@pytest.mark.parametrize("statement", [other for other in OTHERS if "GRANT" not in other])
def test_wallet_reader_changes_nothing_in_the_schema(
    reader: Connection, admin: Connection, statement: str
) -> None:
    before = ledger(admin)
    assert refusal(reader, statement).sqlstate == DENIED
    assert ledger(admin) == before


def test_wallet_reader_hands_on_nothing_of_what_it_may(
    reader: Connection, admin: Connection
) -> None:
    """Whoever has a privilege, and not the right to grant it, is answered with a warning."""
    reader.execute("GRANT SELECT ON wallet.account TO PUBLIC")
    reader.execute("GRANT EXECUTE ON FUNCTION wallet.audit(bigint) TO PUBLIC")
    assert privileges(admin, "public") == {}
    assert executable(admin, "public") == set()


def test_a_dba_may_let_another_role_cancel(app: Connection, admin: Connection) -> None:
    id = call(app, ENQUEUE_TRANSFER, 1, 2, 5)["id"]
    assert refusal(app, CANCEL_PENDING, id).sqlstate == DENIED
    admin.execute("GRANT EXECUTE ON FUNCTION wallet.cancel_pending(bigint) TO wallet_app")
    try:
        assert call(app, CANCEL_PENDING, id)["state"] == "failed"
    finally:
        admin.execute("REVOKE EXECUTE ON FUNCTION wallet.cancel_pending(bigint) FROM wallet_app")


def test_a_dba_may_grant_what_a_dba_decides(app: Connection, admin: Connection) -> None:
    """freeze_account() works for a role that may do nothing else, once it is granted."""
    admin.execute("GRANT EXECUTE ON FUNCTION wallet.freeze_account(bigint) TO wallet_app")
    try:
        assert call(app, "SELECT * FROM wallet.freeze_account(1)")["frozen"] is True
    finally:
        admin.execute("REVOKE EXECUTE ON FUNCTION wallet.freeze_account(bigint) FROM wallet_app")


COMMENTED = "COMMENT ON FUNCTION wallet.later() IS 'Arrives later.'"
GRANTED = "GRANT EXECUTE ON FUNCTION wallet.later() TO wallet_app"
RIGHT = "SECURITY DEFINER SET search_path = wallet, pg_temp"


def create_later(clauses: str) -> str:
    return f"CREATE FUNCTION wallet.later() RETURNS integer LANGUAGE sql {clauses} AS 'SELECT 1'"


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        ((create_later(RIGHT),), "has no comment"),
        ((create_later(f"{RIGHT} STRICT"), COMMENTED, GRANTED), "answers NULL to a NULL"),
        (
            (create_later("SET search_path = wallet, pg_temp"), COMMENTED, GRANTED),
            "runs as its caller",
        ),
        (
            (create_later("SECURITY DEFINER"), COMMENTED, GRANTED),
            "finds what its caller wants it to find",
        ),
        (
            (create_later("SECURITY DEFINER SET search_path = wallet"), COMMENTED, GRANTED),
            "finds what its caller wants it to find",
        ),
        (
            (create_later("SECURITY DEFINER SET search_path = pg_temp, wallet"), COMMENTED),
            "finds what its caller wants it to find",
        ),
        (
            (
                create_later(RIGHT),
                COMMENTED,
                "GRANT EXECUTE ON FUNCTION wallet.later() TO PUBLIC",
            ),
            "is for everybody",
        ),
        (
            (
                create_later(RIGHT),
                COMMENTED,
                "RESET ROLE",
                "ALTER FUNCTION wallet.later() OWNER TO CURRENT_USER",
            ),
            "is not owned by wallet_owner",
        ),
    ],
)
def test_a_function_that_breaks_a_rule_is_seen(
    admin: Connection, statements: tuple[str, ...], complaint: str
) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL ROLE wallet_owner")
        for statement in statements:
            admin.execute(statement)
        assert faults(admin) == [f"wallet.later() {complaint}"]


def test_nobody_may_execute_a_new_function_until_it_is_granted(admin: Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL ROLE wallet_owner")
        admin.execute(create_later(RIGHT))
        for role in ("public", "wallet_app", "wallet_reader"):
            row = call(
                admin, "SELECT has_function_privilege(%s, 'wallet.later()', 'EXECUTE')", role
            )
            assert row == {"has_function_privilege": False}


def privileges(admin: Connection, role: str) -> dict[str, set[str]]:
    """What a role may do with each relation, if anything; columns of it included."""
    rows = admin.execute(
        """
        SELECT c.relname AS relation, p.privilege
        FROM pg_class c
        CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                                'TRIGGER', 'USAGE']) AS p (privilege)
        WHERE c.relnamespace = 'wallet'::regnamespace
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND CASE
              WHEN c.relkind = 'S' THEN p.privilege IN ('USAGE', 'SELECT', 'UPDATE')
                  AND has_sequence_privilege(%(role)s, c.oid, p.privilege)
              WHEN p.privilege = 'USAGE' THEN false
              ELSE has_table_privilege(%(role)s, c.oid, p.privilege)
                  OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                  AND has_any_column_privilege(%(role)s, c.oid, p.privilege)
              END
        """,
        {"role": role},
    ).fetchall()
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["relation"], set()).add(row["privilege"])
    return found


def test_nobody_but_the_owner_and_the_reader_has_a_privilege_on_any_relation(
    admin: Connection,
) -> None:
    assert privileges(admin, "public") == privileges(admin, "wallet_app") == {}
    reads = {relation: {"SELECT"} for relation in (*TABLES, *VIEWS)}
    assert privileges(admin, "wallet_reader") == reads
    with admin.transaction(force_rollback=True):
        admin.execute("GRANT SELECT (email) ON wallet.account TO wallet_app")
        assert call(
            admin, "SELECT has_any_column_privilege('wallet_app', 'wallet.account', 'SELECT')"
        ) == {"has_any_column_privilege": True}


def test_everything_in_the_schema_belongs_to_wallet_owner(admin: Connection) -> None:
    rows = admin.execute(
        """
        SELECT c.relname AS name, c.relowner::regrole::text AS owner
        FROM pg_class c WHERE c.relnamespace = 'wallet'::regnamespace
        UNION ALL
        SELECT p.proname, p.proowner::regrole::text
        FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace
        UNION ALL
        SELECT n.nspname, n.nspowner::regrole::text
        FROM pg_namespace n WHERE n.nspname = 'wallet'
        """
    ).fetchall()
    assert {"account", "transaction", "transfer", "wallet"} <= {row["name"] for row in rows}
    assert {row["owner"] for row in rows} == {"wallet_owner"}


def test_the_owner_cannot_log_in_and_the_others_are_nobody_special(admin: Connection) -> None:
    rows = admin.execute(
        """
        SELECT r.rolname, r.rolcanlogin,
               r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
               OR r.rolbypassrls AS is_special,
               ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m
                     WHERE m.member = r.oid) AS member_of
        FROM pg_roles r WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
        ORDER BY r.rolcanlogin, r.rolname
        """
    ).fetchall()
    assert rows == [
        {"rolname": "wallet_owner", "rolcanlogin": False, "is_special": False, "member_of": []},
        {"rolname": "wallet_app", "rolcanlogin": True, "is_special": False, "member_of": []},
        {"rolname": "wallet_reader", "rolcanlogin": True, "is_special": False, "member_of": []},
    ]


@pytest.fixture
def hostile(app: Connection, admin: Connection) -> Iterator[Connection]:
    """wallet_app with lookalikes of all that the functions use, first in its search_path."""
    admin.execute("CREATE SCHEMA hostile AUTHORIZATION wallet_app")
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
        "valid_amount(amount numeric) RETURNS numeric": "777",
        "clock_timestamp() RETURNS timestamptz": "timestamptz '1999-01-01 00:00Z'",
        "char_length(text) RETURNS integer": "1",
        "format(text, VARIADIC text[]) RETURNS text": "'hijacked'",
        "lower(text) RETURNS text": "'hijacked'",
        "to_jsonb(wallet.answer) RETURNS jsonb": "'7'::jsonb",
        "cardinality(wallet.outcome[]) RETURNS integer": "777",
        "nextval(regclass) RETURNS bigint": "777",
        "pg_advisory_xact_lock(bigint) RETURNS integer": "1 / 0",
    }.items():
        app.execute(f"CREATE FUNCTION hostile.{signature} LANGUAGE sql RETURN {result}")
    for schema in ("hostile", "pg_temp"):
        app.execute(
            f"CREATE TABLE {schema}.account AS "
            "SELECT n::bigint AS id, 'mallory@example.com' AS email, 777.00 AS balance, "
            "now() AS ctime, now() AS mtime, 0::bigint AS entry_count, true AS frozen "
            "FROM generate_series(1, 2) n"
        )
        for name in ("entry", *TABLES[1:]):
            app.execute(f"CREATE TABLE {schema}.{name} (LIKE {schema}.account)")
    app.execute("SET search_path = hostile, pg_catalog, wallet")
    yield app
    app.execute("RESET search_path")
    admin.execute("DROP SCHEMA hostile CASCADE")


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
    assert {name: str(value) for name, value in row.items()} == {
        "balance": "777.00",
        "rounded": "777",
        "equal": "False",
        "less": "False",
        "sum": "777",
        "year": "1999",
    }


@pytest.mark.parametrize(
    "search_path",
    ["hostile, pg_catalog, wallet", "pg_temp, hostile, pg_catalog", "hostile, pg_catalog, pg_temp"],
)
def test_no_lookalike_deceives_a_function(
    hostile: Connection, admin: Connection, search_path: str
) -> None:
    hostile.execute(f"SET search_path = {search_path}")
    account = call(hostile, "SELECT * FROM wallet.create_account('ada@example.com')")
    assert (account["id"], account["email"]) == (3, "ada@example.com")
    began = call(admin, "SELECT clock_timestamp() AS now")["now"]
    deposit = call(hostile, DEPOSIT, 1, "1.005")
    assert (deposit["id"], str(deposit["amount"])) == (3, "1.01")
    transfer = call(hostile, TRANSFER, 1, 3, "11.005")
    assert (transfer["id"], str(transfer["amount"])) == (4, "11.01")
    assert began < deposit["ctime"] < transfer["ctime"]
    assert call(hostile, "SELECT * FROM wallet.get_transaction(4)") == transfer
    assert str(call(hostile, GET_ACCOUNT, 3)["balance"]) == "11.01"
    assert balances(admin) == {1: "0.00", 2: "10.00", 3: "11.01"}
    statement = hostile.execute("SELECT * FROM wallet.get_statement(3)").fetchall()
    assert [(line["entry"], str(line["balance"])) for line in statement] == [(1, "11.01")]
    assert str(call(hostile, "SELECT wallet.balance_at(3, now()) AS at")["at"]) == "11.01"
    found = hostile.execute("SELECT * FROM wallet.find_accounts('ADA@example.com')").fetchall()
    assert [account["id"] for account in found] == [1, 2, 3]
    withdrawal = call(hostile, "SELECT * FROM wallet.withdraw(3, 1.005)")
    assert (withdrawal["id"], str(withdrawal["amount"])) == (5, "1.01")
    reversal = call(hostile, "SELECT * FROM wallet.reverse(5)")
    assert (reversal["id"], str(reversal["target_balance"])) == (6, "11.01")
    for replayed in (False, True):
        again = call(
            hostile, "SELECT replayed, (transaction).id FROM wallet.deposit(3, 1.005, 'k')"
        )
        assert again == {"replayed": replayed, "id": 7}
    batch = rows(hostile, "SELECT * FROM wallet.transfer_batch('{\"(3,1,1.005)\"}', true)")
    assert [(made["id"], str(made["amount"])) for made in batch] == [(8, "1.01")]
    at_once = call(hostile, "SELECT * FROM wallet.transfer_or_enqueue(3, 1, 1.005, 0)")
    assert (at_once["id"], at_once["state"]) == (9, "succeeded")
    queued = call(hostile, ENQUEUE_TRANSFER, 3, 1, "1.005")
    assert (queued["id"], str(queued["amount"]), queued["state"]) == (10, "1.01", "pending")
    assert call(hostile, SETTLE, 5) == {"settled": 1}
    assert call(hostile, GET_OUTCOME, 10)["state"] == "succeeded"
    assert_sound(admin)


def test_no_lookalike_silences_a_refusal(hostile: Connection, admin: Connection) -> None:
    before = ledger(admin)
    for expression, sqlstate, detail in (
        ("wallet.create_account('ada')", "WL001", "The email is 'ada'."),
        ("wallet.deposit(1, 0.004)", "WL002", "The amount is 0.004."),
        ("wallet.transfer(1, 1, 1)", "WL003", "Source and target are both account 1."),
        ("wallet.get_account(77)", "WL004", "There is no account 77."),
        ("wallet.get_transaction(77)", "WL005", "There is no transaction 77."),
        (
            "wallet.transfer(1, 2, 10.01)",
            "WL006",
            "Account 1 holds 10.00, which is less than 10.01.",
        ),
        (
            "wallet.deposit(1, 999990)",
            "WL007",
            "Account 1 holds 10.00; with 999990.00 more it would pass 999999.99.",
        ),
        ("wallet.withdraw(1, 10.01)", "WL006", "Account 1 holds 10.00, which is less than 10.01."),
        ("wallet.reverse(77)", "WL005", "There is no transaction 77."),
        ("wallet.balance_at(77, now())", "WL004", "There is no account 77."),
        ("wallet.get_statement(1, NULL, 0)", "22023", "The page size is 0."),
        ("wallet.deposit(1, 1, 'é')", "22023", "The key has 1 characters."),
        ("wallet.enqueue_transfer(1, 1, 1)", "WL003", "Source and target are both account 1."),
        ("wallet.transfer_or_enqueue(1, 2, 1, -1)", "22023", "The wait is -1 seconds."),
        ("wallet.settle(0)", "22023", "max_items is 0."),
        ("wallet.get_outcome(77)", "WL005", "There is no transaction 77."),
    ):
        diagnostic = refusal(hostile, f"SELECT {expression}")
        assert (diagnostic.sqlstate, diagnostic.message_detail) == (sqlstate, detail)
    assert ledger(admin) == before
