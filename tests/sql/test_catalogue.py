"""What the catalogue says of the schema: signatures, rights, owners, comments, triggers, indexes.

sql/schema.sql says the rest, and tests/migrations holds it to what deploys.
"""

from __future__ import annotations

import re
from typing import Any

from service import __version__
from tests.support.calls import TABLES, Connection, call, rows, value

# Callers name parameters, so a name is as binding as a type. Who may execute each, and what it is:
# volatile, stable or immutable. PostgreSQL itself refuses a write in what is not volatile.
PUBLIC = """
    create_account(email text): account, app, v
    get_account(id bigint): account, app reader, s
    find_accounts(email text DEFAULT NULL::text, AFTER, page_size integer DEFAULT 50, REFERENCE): \
SETOF account, app reader, s
    find_transactions(REFERENCE, account_id bigint DEFAULT NULL::bigint, \
from_time timestamp with time zone DEFAULT NULL::timestamp with time zone, \
to_time timestamp with time zone DEFAULT NULL::timestamp with time zone, BEFORE, \
page_size integer DEFAULT 50): SETOF transaction_detail, app reader, s
    annotate_account(account_id bigint, reference text, metadata jsonb, ACTOR): account, app, v
    get_annotation(account_id bigint): account_annotation, app reader, v
    deposit(account_id bigint, amount numeric): transaction, app, v
    withdraw(account_id bigint, amount numeric): transaction, app, v
    transfer(PAIR, amount numeric): transaction, app, v
    reverse(transaction_id bigint): transaction, app, v
    get_transaction(id bigint): transaction, app reader, s
    get_statement(account_id bigint, BEFORE, page_size integer DEFAULT 50): SETOF statement_line, \
app reader, s
    balance_at(account_id bigint, at timestamp with time zone): numeric, app reader, s
    transfer_batch(transfers transfer_request[], atomic boolean): SETOF transfer_result, app, v
    enqueue_transfer(PAIR, amount numeric): transfer_result, app, v
    transfer_or_enqueue(PAIR, amount numeric, wait numeric): transfer_result, app, v
    process_pending(max_items integer): bigint, app, v
    set_aside_pending(): bigint, app, v
    get_transfer_result(id bigint): transfer_result, app reader, s
    audit(account_id bigint DEFAULT NULL::bigint): SETOF violation, app reader, s
    run_group(requests group_request[], wait integer DEFAULT NULL::integer): SETOF group_result, \
app, v
    get_queue(page_size integer DEFAULT 50): TABLE(pending bigint, \
oldest timestamp with time zone, id bigint, PAIR, amount numeric, \
ctime timestamp with time zone), app reader, s
    describe_transaction(id bigint): transaction_detail, app reader, s
    get_account_waits(): TABLE(account_id bigint, pid integer, role name, waiting interval, \
blocked_by integer[]), app reader, s
    max_amount(): numeric, app reader, i
    version(): text, app reader, i
    cancel_pending(id bigint, ACTOR): transfer_result, app, v
    freeze_account(id bigint, ACTOR): account, app, v
    unfreeze_account(id bigint, ACTOR): account, app, v
    set_email(account_id bigint, email text, ACTOR): account, app, v
    hold(account_id bigint, amount numeric, expires_in interval DEFAULT '7 days'::interval): hold, \
app, v
    capture(hold_id bigint, amount numeric DEFAULT NULL::numeric, target_account_id bigint DEFAULT \
NULL::bigint, final boolean DEFAULT false): transaction, app, v
    release(hold_id bigint): hold, app, v
    get_hold(id bigint): hold, app reader, s
    get_holds(account_id bigint, BEFORE, page_size integer DEFAULT 50): SETOF hold, app reader, s
    expire_holds(max_items integer): bigint, app, v
    set_limits(account_id bigint, minimum numeric, maximum numeric, ACTOR): account, app, v
    purge_idempotency_keys(older_than interval): bigint, , v
    create_api_key(name text, scopes text[], expires_in interval DEFAULT NULL::interval): text, , v
    revoke_api_key(id bigint): timestamp with time zone, , v
    refresh_api_keys(used bigint[]): TABLE(id bigint, name text, hash bytea, scopes text[], \
expires_at timestamp with time zone), app, v
"""
SHORT = {
    "PAIR": "source_account_id bigint, target_account_id bigint",
    "BEFORE": "before bigint DEFAULT NULL::bigint",
    "ACTOR": "actor text DEFAULT NULL::text",
    "AFTER": "after bigint DEFAULT NULL::bigint",
    "REFERENCE": "reference text DEFAULT NULL::text",
}
# These have a full form too, with more parameters and another result.
KEYED = {
    *("create_account", "deposit", "withdraw", "transfer", "reverse"),
    *("transfer_batch", "enqueue_transfer", "transfer_or_enqueue", "hold", "capture", "release"),
}
# What only other functions call.
INTERNAL = {
    *("post", "check_request", "check_accounts", "round_amount"),
    *("refusal", "raise_refusal", "refuse_change", "run_with_key", "run_operation"),
    *("lock_accounts", "decide_batch", "write_batch", "run_keyed", "claim_keys", "check_group"),
    *("leave_out_locked", "check_key", "hash_request", "replay_result"),
    *("check_email", "check_page_size", "log_event"),
    *("audit_entries", "audit_transactions", "audit_reversals", "audit_queue"),
    *("annotate", "check_annotation", "entry_at"),
    *("audit_limits", "audit_holds", "check_hold", "take_hold"),
    *("is_within_limits", "is_complete"),
}
VIEWS = {
    *("account_overview", "account_wait", "api_key_overview", "daily_activity", "entry"),
    *("help", "hold_overview", "largest_account", "queue", "queue_stats"),
    *("recent_transaction", "size_per_transaction"),
}
# What no function but these changes for itself.
SETTINGS = {
    ("audit", "plan_cache_mode=force_custom_plan"),
    ("decide_batch", "plan_cache_mode=force_generic_plan"),
    ("decide_batch", "enable_nestloop=off"),
    ("write_batch", "plan_cache_mode=force_generic_plan"),
    ("write_batch", "enable_seqscan=off"),
    ("run_group", "plan_cache_mode=force_generic_plan"),
    ("run_group", "enable_seqscan=off"),
}


def functions(admin: Connection) -> list[dict[str, Any]]:
    return rows(
        admin,
        """
        SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments,
               pg_get_function_result(p.oid) AS result, p.provolatile AS volatility,
               p.proconfig AS settings,
               ARRAY(SELECT r FROM unnest(ARRAY['wallet_app', 'wallet_reader', 'public']) r
                     WHERE has_function_privilege(r, p.oid, 'EXECUTE')) AS roles
        FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace
        """,
    )


def roles(row: dict[str, Any]) -> str:
    """Who may execute a function: app, reader, or both."""
    return " ".join(role.removeprefix("wallet_") for role in row["roles"])


def faults(admin: Connection) -> list[str]:
    """What is wrong with the functions in schema wallet, whichever they are."""
    return [
        row["fault"]
        for row in rows(
            admin,
            """
            SELECT format('%s %s', f.name, c.complaint) AS fault
            FROM (
                SELECT p.*, p.oid::regprocedure::text AS name,
                       p.proname <> 'max_amount'  -- It reads nothing.
                       AND (has_function_privilege('wallet_app', p.oid, 'EXECUTE')
                            OR has_function_privilege('wallet_reader', p.oid, 'EXECUTE'))
                       AS is_granted
                FROM pg_proc p
                WHERE p.pronamespace = 'wallet'::regnamespace
            ) f
            CROSS JOIN LATERAL (VALUES
                ('is not owned by wallet_owner', f.proowner <> 'wallet_owner'::regrole),
                ('is for everybody', has_function_privilege('public', f.oid, 'EXECUTE')),
                ('answers NULL to a NULL', f.proisstrict),
                ('has no comment',
                 coalesce(obj_description(f.oid, 'pg_proc'), '') NOT LIKE '%. Refusals: %'),
                ('runs as its caller', f.is_granted AND NOT f.prosecdef),
                ('finds what its caller wants it to find',
                 (f.is_granted OR f.prosecdef)
                 AND NOT 'search_path=wallet, pg_temp' = ANY (coalesce(f.proconfig, '{}')))
            ) c (complaint, is_true)
            WHERE c.is_true
            ORDER BY fault
            """,
        )
    ]


def test_the_schema_has_the_service_s_version(app: Connection) -> None:
    assert value(app, "SELECT wallet.version()") == __version__


def test_every_function_there_is_keeps_the_rules(admin: Connection) -> None:
    """Those that are granted are SECURITY DEFINER with a pinned search_path, pg_temp last."""
    assert faults(admin) == []
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL ROLE wallet_owner")
        admin.execute("CREATE FUNCTION wallet.later() RETURNS int LANGUAGE sql RETURN 1")
        # Nobody may execute a new function until it is granted.
        assert faults(admin) == ["wallet.later() has no comment"]


def test_the_functions_are_those_of_the_contract(admin: Connection) -> None:
    """Names, parameters, results, who may execute them, and what only reads."""
    found = functions(admin)
    public = {
        f"{row['name']}({row['arguments']}): {row['result']}, {roles(row)}, {row['volatility']}"
        for row in found
        if row["name"] not in INTERNAL
    }
    expected = set()
    for line in PUBLIC.strip().splitlines():
        for short, long in SHORT.items():
            line = line.replace(short, long)
        expected.add(line.strip())
        if line.strip().partition("(")[0] in KEYED:
            # What has a parameter without a default behind it has none either.
            full = re.sub(r" DEFAULT [^,)]+", "", line.strip())
            full = re.sub(r"\): .*?,", ", idempotency_key text, ACTOR): operation_result,", full)
            words = "reference text DEFAULT NULL::text, metadata jsonb DEFAULT NULL::jsonb"
            if full.startswith("transfer_batch"):
                words = re.sub(r"(text|jsonb)\b", r"\1[]", words)
            if not full.startswith(("hold", "release")):  # No money moves there.
                full = full.replace("ACTOR", f"ACTOR, {words}")
            expected.add(full.replace("ACTOR", SHORT["ACTOR"]))
    assert {signature.replace("wallet.", "") for signature in public} == expected
    manual = rows(admin, "SELECT function, arguments FROM wallet.help")
    assert {(row["function"], row["arguments"]) for row in manual} == {
        (row["name"], row["arguments"]) for row in found if row["name"] not in INTERNAL
    }
    internal = [row for row in found if row["name"] in INTERNAL]
    assert sorted(row["name"] for row in internal) == sorted(INTERNAL), "none has an overload"
    assert [row["name"] for row in internal if row["roles"]] == []
    settings = {(row["name"], setting) for row in found for setting in row["settings"] or []}
    assert {s for s in settings if not s[1].startswith("search_path=")} == SETTINGS


def privileges(admin: Connection, role: str) -> dict[str, set[str]]:
    """What a role may do with each relation, if anything; columns of it included."""
    found: dict[str, set[str]] = {}
    for row in rows(
        admin,
        """
        SELECT c.relname AS relation, p.privilege
        FROM pg_class c
        CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                                'TRIGGER', 'USAGE']) AS p (privilege)
        WHERE c.relnamespace = 'wallet'::regnamespace
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND CASE
              WHEN c.relkind = 'S' THEN p.privilege IN ('USAGE', 'SELECT', 'UPDATE')
                  AND has_sequence_privilege(%s, c.oid, p.privilege)
              WHEN p.privilege = 'USAGE' THEN false
              ELSE has_table_privilege(%s, c.oid, p.privilege)
                  OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                  AND has_any_column_privilege(%s, c.oid, p.privilege)
              END
        """,
        *[role] * 3,
    ):
        found.setdefault(row["relation"], set()).add(row["privilege"])
    return found


def test_nobody_but_the_owner_and_the_reader_has_a_privilege_on_any_relation(
    admin: Connection,
) -> None:
    assert privileges(admin, "public") == privileges(admin, "wallet_app") == {}
    assert privileges(admin, "wallet_reader") == {
        name: {"SELECT"} for name in (*TABLES, "queue_lock", *VIEWS)
    }
    with admin.transaction(force_rollback=True):
        admin.execute("GRANT SELECT (email) ON wallet.account TO wallet_app")
        assert privileges(admin, "wallet_app") == {"account": {"SELECT"}}
    for role, usage in (("public", False), ("wallet_app", True), ("wallet_reader", True)):
        asked = "SELECT has_schema_privilege(%s, 'wallet', %s)"
        assert value(admin, asked, role, "USAGE") is usage
        assert value(admin, asked, role, "CREATE") is False


def test_the_owner_owns_everything_cannot_log_in_and_no_role_is_special(admin: Connection) -> None:
    owners = rows(
        admin,
        """
        SELECT format('%s %s', o.kind, o.owner::regrole) AS owner, count(*)::int AS count
        FROM (
            SELECT 'relation', relowner, relnamespace FROM pg_class
            UNION ALL SELECT 'function', proowner, pronamespace FROM pg_proc
            UNION ALL SELECT 'type', typowner, typnamespace FROM pg_type
            UNION ALL SELECT 'schema', nspowner, oid FROM pg_namespace
        ) AS o (kind, owner, namespace)
        WHERE o.namespace = 'wallet'::regnamespace GROUP BY 1 ORDER BY 1
        """,
    )
    kinds = ("function", "relation", "schema", "type")
    assert [row["owner"] for row in owners] == [f"{kind} wallet_owner" for kind in kinds]
    roles = rows(
        admin,
        """
        SELECT r.rolname, r.rolcanlogin,
               r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
               OR r.rolbypassrls AS is_special,
               EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS is_member,
               shobj_description(r.oid, 'pg_authid') IS NOT NULL AS has_comment
        FROM pg_roles r WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
        ORDER BY r.rolcanlogin, r.rolname
        """,
    )
    assert [tuple(row.values()) for row in roles] == [
        ("wallet_owner", False, False, False, True),
        ("wallet_app", True, False, False, True),
        ("wallet_reader", True, False, False, True),
    ]


def test_everything_has_a_comment(admin: Connection) -> None:
    """Tables, views, their columns, types and domains: `\\d+` and `\\dD+` explain themselves."""
    bare = rows(
        admin,
        """
        SELECT c.relname AS name FROM pg_class c
        WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('r', 'v')
          AND obj_description(c.oid, 'pg_class') IS NULL
        UNION ALL
        SELECT format('%s.%s', c.relname, a.attname) FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('r', 'v')
          AND col_description(c.oid, a.attnum) IS NULL
        UNION ALL
        SELECT t.typname FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'wallet'::regnamespace
          AND (t.typtype = 'd' OR t.typtype = 'c' AND c.relkind = 'c')
          AND coalesce(obj_description(t.oid, 'pg_type'), obj_description(c.oid, 'pg_class'))
              IS NULL
        """,
    )
    assert [row["name"] for row in bare] == []


def test_history_has_triggers_that_always_fire_and_that_no_transfer_meets(
    admin: Connection,
) -> None:
    """Of a statement, before it, and for no INSERT; an account's for no UPDATE either."""
    found = rows(
        admin,
        "SELECT pg_get_triggerdef(t.oid) AS definition, t.tgenabled AS enabled FROM pg_trigger t "
        "JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE c.relnamespace = 'wallet'::regnamespace AND NOT t.tgisinternal",
    )
    assert {row["enabled"] for row in found} == {"A"}, "also for who plays a replica"
    assert sorted(re.sub(r"^CREATE TRIGGER \S+ ", "", row["definition"]) for row in found) == [
        f"BEFORE {changes} ON wallet.{table} FOR EACH STATEMENT "
        "EXECUTE FUNCTION wallet.refuse_change()"
        for changes, table in (
            ("DELETE OR TRUNCATE", "account"),
            ("DELETE OR TRUNCATE", "hold"),
            ("DELETE OR UPDATE OR TRUNCATE", "account_annotation"),
            ("DELETE OR UPDATE OR TRUNCATE", "event_log"),
            ("DELETE OR UPDATE OR TRUNCATE", "failed_transfer"),
            ("DELETE OR UPDATE OR TRUNCATE", "hold_capture"),
            ("DELETE OR UPDATE OR TRUNCATE", "limit_change"),
            ("DELETE OR UPDATE OR TRUNCATE", "queued_transfer"),
            ("DELETE OR UPDATE OR TRUNCATE", "reversal"),
            ("DELETE OR UPDATE OR TRUNCATE", "transaction"),
            ("DELETE OR UPDATE OR TRUNCATE", "transaction_annotation"),
        )
    ]


def test_no_index_is_on_what_a_transfer_changes(admin: Connection) -> None:
    """So that updates of accounts are HOT; pages have room for the rows' new versions."""
    columns = rows(
        admin,
        "SELECT a.attname AS name FROM pg_index i JOIN pg_attribute a "
        "ON a.attrelid = i.indrelid AND (a.attnum = ANY (i.indkey) "
        "OR pg_get_indexdef(i.indexrelid) ~ format('\\m%s\\M', a.attname)) "
        "WHERE i.indrelid = 'wallet.account'::regclass AND a.attnum > 0",
    )
    assert {row["name"] for row in columns} & {"balance", "held", "mtime", "entry_count"} == set()
    options = rows(
        admin,
        "SELECT c.relname AS name, unnest(c.reloptions) AS option FROM pg_class c "
        "WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r'",
    )
    assert {tuple(row.values()) for row in options} == {
        ("account", "fillfactor=80"),
        ("hold", "fillfactor=80"),
        ("pending_transfer", "autovacuum_vacuum_scale_factor=0"),
        ("pending_transfer", "autovacuum_vacuum_threshold=5000"),
    }


def test_old_keys_are_found_by_the_index_on_their_age(admin: Connection) -> None:
    """As a parameter, which is what a variable of PL/pgSQL's is: a volatile call would not do."""
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL enable_seqscan = off")
        admin.execute("PREPARE purge AS DELETE FROM wallet.idempotency_key k WHERE k.ctime < $1")
        plan = rows(admin, "EXPLAIN EXECUTE purge (now() - interval '30 days')")
        admin.execute("DEALLOCATE purge")
    assert "idempotency_key_ctime" in str(plan)


def test_the_queue_has_no_foreign_key_and_no_id_is_given_out_twice(admin: Connection) -> None:
    """To queue a transfer shall lock no account; its id is one of the transactions'."""
    keys = rows(
        admin,
        "SELECT conrelid::regclass::text AS name FROM pg_constraint "
        "WHERE contype = 'f' AND connamespace = 'wallet'::regnamespace",
    )
    assert {row["name"] for row in keys} <= {"wallet.reversal"}
    default = call(
        admin,
        "SELECT pg_get_expr(adbin, adrelid) AS value FROM pg_attrdef "
        "WHERE adrelid = 'wallet.pending_transfer'::regclass AND adnum = 1",
    )
    assert default["value"] == "nextval('wallet.transaction_id_seq'::regclass)"
