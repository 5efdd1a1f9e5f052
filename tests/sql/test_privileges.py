"""wallet_app executes the public functions and touches nothing else; PUBLIC does nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.calls import (
    DEPOSIT,
    GET_ACCOUNT,
    TRANSFER,
    Connection,
    balances,
    call,
    ledger,
    open_accounts,
    refusal,
)
from tests.support.databases import assert_sound

DENIED = "42501"  # insufficient_privilege

PUBLIC_FUNCTIONS = {
    "create_account(text)": "wallet.create_account('ada@example.com')",
    "get_account(bigint)": "wallet.get_account(1)",
    "deposit(bigint,numeric)": "wallet.deposit(1, 1)",
    "transfer(bigint,bigint,numeric)": "wallet.transfer(1, 2, 1)",
    "get_transaction(bigint)": "wallet.get_transaction(1)",
}
INTERNAL_FUNCTIONS = {
    "valid_amount(numeric)": "wallet.valid_amount(1)",
    "refusal(text,bigint,numeric,numeric)": "wallet.refusal('WL003')",
    "post(bigint,bigint,numeric)": "wallet.post(NULL, 1, 1)",
}
TOUCHES = {
    "SELECT": "SELECT FROM wallet.{}",
    "SELECT FOR UPDATE": "SELECT FROM wallet.{} FOR UPDATE",
    "INSERT": "INSERT INTO wallet.{} DEFAULT VALUES",
    "UPDATE": "UPDATE wallet.{} SET ctime = now()",
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
    "GRANT SELECT ON wallet.account TO PUBLIC",
)
EVERY_TABLE = pytest.mark.parametrize("table", ["account", "transaction"])


@pytest.fixture(autouse=True)
def accounts(app: Connection) -> None:
    open_accounts(app, "10", "10")


@pytest.mark.parametrize("expression", PUBLIC_FUNCTIONS.values(), ids=PUBLIC_FUNCTIONS)
def test_wallet_app_executes_every_public_function(app: Connection, expression: str) -> None:
    assert call(app, f"SELECT * FROM {expression}")["id"] in (1, 3)


@pytest.mark.parametrize("expression", INTERNAL_FUNCTIONS.values(), ids=INTERNAL_FUNCTIONS)
def test_wallet_app_executes_no_internal_function(
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
    diagnostic = refusal(app, statement.format(table))
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
        *(f"SELECT {expression}" for expression in PUBLIC_FUNCTIONS.values()),
        *(f"SELECT {expression}" for expression in INTERNAL_FUNCTIONS.values()),
        *(
            touch.format(table)
            for table in ("account", "transaction")
            for touch in TOUCHES.values()
        ),
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
                       has_function_privilege('wallet_app', p.oid, 'EXECUTE') AS is_granted
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
                    AND f.proconfig IS DISTINCT FROM ARRAY['search_path=wallet, pg_temp']
                )
            ) c (complaint, is_true)
            WHERE c.is_true
            ORDER BY fault
            """
        )
    ]


def test_every_function_there_is_keeps_the_rules(admin: Connection) -> None:
    assert faults(admin) == []


def test_wallet_app_may_execute_what_the_contract_names(admin: Connection) -> None:
    rows = admin.execute(
        """
        SELECT replace(p.oid::regprocedure::text, 'wallet.', '') AS name,
               has_function_privilege('wallet_app', p.oid, 'EXECUTE') AS is_granted
        FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace
        """
    ).fetchall()
    assert {row["name"] for row in rows if row["is_granted"]} == set(PUBLIC_FUNCTIONS)
    assert {row["name"] for row in rows if not row["is_granted"]} == set(INTERNAL_FUNCTIONS)


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
        for role in ("public", "wallet_app"):
            row = call(
                admin, "SELECT has_function_privilege(%s, 'wallet.later()', 'EXECUTE')", role
            )
            assert row == {"has_function_privilege": False}


def test_nobody_but_the_owner_has_a_privilege_on_any_relation(admin: Connection) -> None:
    rows = admin.execute(
        """
        SELECT c.relname, r.role
        FROM pg_class c CROSS JOIN unnest(ARRAY['public', 'wallet_app']) AS r (role)
        WHERE c.relnamespace = 'wallet'::regnamespace
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND CASE WHEN c.relkind = 'S'
              THEN has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE')
              ELSE has_table_privilege(r.role, c.oid,
                      'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                  OR has_any_column_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
              END
        """
    ).fetchall()
    assert rows == []
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


def test_the_owner_cannot_log_in_and_wallet_app_is_nobody_special(admin: Connection) -> None:
    rows = admin.execute(
        """
        SELECT r.rolname, r.rolcanlogin,
               r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
               OR r.rolbypassrls AS is_special,
               ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m
                     WHERE m.member = r.oid) AS member_of
        FROM pg_roles r WHERE r.rolname IN ('wallet_owner', 'wallet_app') ORDER BY r.rolname DESC
        """
    ).fetchall()
    assert rows == [
        {"rolname": "wallet_owner", "rolcanlogin": False, "is_special": False, "member_of": []},
        {"rolname": "wallet_app", "rolcanlogin": True, "is_special": False, "member_of": []},
    ]


@pytest.fixture
def hostile(app: Connection, admin: Connection) -> Iterator[Connection]:
    """wallet_app with lookalikes of all that the functions use, first in its search_path."""
    admin.execute("CREATE SCHEMA hostile AUTHORIZATION wallet_app")
    for kind in ("bigint", "numeric", "timestamptz"):
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
    }.items():
        app.execute(f"CREATE FUNCTION hostile.{signature} LANGUAGE sql RETURN {result}")
    for schema in ("hostile", "pg_temp"):
        app.execute(
            f"CREATE TABLE {schema}.account AS "
            "SELECT n::bigint AS id, 'mallory@example.com' AS email, 777.00 AS balance, "
            "now() AS ctime, now() AS mtime, 0::bigint AS entry_count FROM generate_series(1, 2) n"
        )
        app.execute(f"CREATE TABLE {schema}.transaction (LIKE {schema}.account)")
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
    ):
        diagnostic = refusal(hostile, f"SELECT {expression}")
        assert (diagnostic.sqlstate, diagnostic.message_detail) == (sqlstate, detail)
    assert ledger(admin) == before
