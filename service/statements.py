"""The SQL statements of the service: for a request, each is one call of one wallet function."""

from __future__ import annotations

_ACCOUNT = """SELECT a.id, a.email, a.balance, a.ctime, a.frozen, a.held,
a.balance - a.held - a.minimum AS available, a.minimum, a.maximum, n.reference, n.metadata FROM"""
_ANNOTATED = "a CROSS JOIN LATERAL wallet.get_annotation(a.id) n"
_HOLD = "SELECT id, account_id, amount, captured, state, expires_at, ctime FROM"
# An operation returns a wallet.operation_result: what was made, or why it was refused.
_OUTCOME = "SELECT k.replayed, (k.refusal).sqlstate, (k.refusal).detail, (k.refusal).hint,"
_MADE = f"""{_OUTCOME}
(k.transaction).id, (k.transaction).source_account_id, (k.transaction).target_account_id,
(k.transaction).amount, (k.transaction).ctime, (k.transaction).actor FROM"""
_MADE_OR_QUEUED = f"""{_OUTCOME}
(k.results[1]).id, (k.results[1]).source_account_id, (k.results[1]).target_account_id,
(k.results[1]).amount, (k.results[1]).ctime, (k.results[1]).actor, (k.results[1]).state FROM"""

# The last arguments of each are the idempotency key and the actor; where money moves or an account
# is opened, the reference and the metadata too.
CREATE_ACCOUNT = f"""{_OUTCOME}
(k.account).id, (k.account).email, (k.account).balance, (k.account).ctime, (k.account).frozen,
(k.account).held, (k.account).balance - (k.account).held - (k.account).minimum AS available,
(k.account).minimum, (k.account).maximum FROM wallet.create_account($1, $2, $3, $4, $5) k"""
DEPOSIT = f"{_MADE} wallet.deposit($1, $2, $3, $4, $5, $6) k"
WITHDRAW = f"{_MADE} wallet.withdraw($1, $2, $3, $4, $5, $6) k"
TRANSFER = f"{_MADE} wallet.transfer($1, $2, $3, $4, $5, $6, $7) k"
REVERSE = f"{_MADE} wallet.reverse($1, $2, $3, $4, $5) k"
_HELD = f"""{_OUTCOME}
(k.hold).id, (k.hold).account_id, (k.hold).amount, (k.hold).captured, (k.hold).state,
(k.hold).expires_at, (k.hold).ctime FROM"""
HOLD = f"{_HELD} wallet.hold($1, $2, make_interval(secs => $3), $4, $5) k"
CAPTURE = f"{_MADE} wallet.capture($1, $2, $3, $4, $5, $6, $7, $8) k"
RELEASE = f"{_HELD} wallet.release($1, $2, $3) k"
ENQUEUE_TRANSFER = f"{_MADE_OR_QUEUED} wallet.enqueue_transfer($1, $2, $3, $4, $5, $6, $7) k"
TRANSFER_OR_ENQUEUE = (
    f"{_MADE_OR_QUEUED} wallet.transfer_or_enqueue($1, $2, $3, $4, $5, $6, $7, $8) k"
)

# text[] is the one array that asyncpg sends without first asking the server about its type.
_TRANSFERS = """ARRAY(
    SELECT ROW(t.source_account_id, t.target_account_id, t.amount)::wallet.transfer_request
    FROM unnest($1::text[]::bigint[], $2::text[]::bigint[], $3::text[]::numeric[])
        WITH ORDINALITY AS t (source_account_id, target_account_id, amount, item)
    ORDER BY t.item)"""
_ITEMS = """SELECT r.id, r.source_account_id, r.target_account_id, r.amount, r.ctime, r.actor,
r.state, r.sqlstate, r.detail, r.hint, k.replayed"""
# An empty batch has one row too: it says whether the batch is replayed.
TRANSFER_BATCH = f"""{_ITEMS} FROM wallet.transfer_batch(
    {_TRANSFERS}, $4, $5, $6, $7::text[], $8::text[]::jsonb[]) k
LEFT JOIN LATERAL unnest(k.results) WITH ORDINALITY r ON true ORDER BY r.ordinality"""

RUN_GROUP = """SELECT g.replayed, (g.refusal).sqlstate, (g.refusal).detail, (g.refusal).hint,
(g.transaction).id, (g.transaction).source_account_id, (g.transaction).target_account_id,
(g.transaction).amount, (g.transaction).ctime, (g.transaction).actor, g.locked_account_id
FROM wallet.run_group(ARRAY(
    SELECT ROW(r.operation, r.source_account_id, r.target_account_id, r.amount, r.idempotency_key,
               r.actor, r.reference, r.metadata)::wallet.group_request
    FROM unnest($1::text[], $2::text[]::bigint[], $3::text[]::bigint[], $4::text[]::numeric[],
                $5::text[], $6::text[], $7::text[], $8::text[]::jsonb[]) WITH ORDINALITY
        AS r (operation, source_account_id, target_account_id, amount, idempotency_key, actor,
              reference, metadata, item)
    ORDER BY r.item), $9) g"""

GET_ACCOUNT = f"{_ACCOUNT} wallet.get_account($1) {_ANNOTATED}"
FIND_ACCOUNTS = f"{_ACCOUNT} wallet.find_accounts($1, $2, $3, $4) {_ANNOTATED}"
# None of these takes an idempotency key: done again, it changes nothing.
FREEZE_ACCOUNT = f"{_ACCOUNT} wallet.freeze_account($1, $2) {_ANNOTATED}"
UNFREEZE_ACCOUNT = f"{_ACCOUNT} wallet.unfreeze_account($1, $2) {_ANNOTATED}"
SET_EMAIL = f"{_ACCOUNT} wallet.set_email($1, $2, $3) {_ANNOTATED}"
CANCEL_PENDING = """
SELECT id, source_account_id, target_account_id, amount, ctime, actor, state, sqlstate, detail
FROM wallet.cancel_pending($1, $2)
"""
# The whole of it is counted, and so much of it shown.
AUDIT = """
SELECT violation, account_id, transaction_id, detail, count(*) OVER () AS total
FROM wallet.audit() LIMIT $1
"""
GET_QUEUE = """
SELECT pending, oldest, id, source_account_id, target_account_id, amount, ctime
FROM wallet.get_queue()
"""
GET_ACCOUNT_WAITS = """
SELECT account_id, pid, role::text, waiting, blocked_by::text[] FROM wallet.get_account_waits()
"""
VERSION = "SELECT wallet.version()"
# How many bytes of WAL the primary has, and how many of them a standby has replayed; NULL for a
# server that is none.
WAL_END = "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint"
REPLAYED_WAL = """
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END
"""
DESCRIBE_TRANSACTION = """
SELECT id, source_account_id, target_account_id, amount, ctime, actor, state,
    reverses, reversed_by, queued_at, sqlstate, detail, reference, metadata
FROM wallet.describe_transaction($1)
"""
FIND_TRANSACTIONS = """
SELECT id, source_account_id, target_account_id, amount, ctime, actor, state,
    reverses, reversed_by, queued_at, sqlstate, detail, reference, metadata
FROM wallet.find_transactions($1, $2, $3, $4, $5, $6)
"""
GET_HOLD = f"{_HOLD} wallet.get_hold($1)"
GET_HOLDS = f"{_HOLD} wallet.get_holds($1, $2, $3)"
ANNOTATE_ACCOUNT = f"{_ACCOUNT} wallet.annotate_account($1, $2, $3, $4) {_ANNOTATED}"
SET_LIMITS = f"{_ACCOUNT} wallet.set_limits($1, $2, $3, $4) {_ANNOTATED}"
GET_STATEMENT = """
SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance, ctime
FROM wallet.get_statement($1, $2, $3)
"""
REFRESH_API_KEYS = """
SELECT id, name, hash, scopes, expires_at FROM wallet.refresh_api_keys($1::text[]::bigint[])
"""
EXPIRE_HOLDS = "SELECT wallet.expire_holds($1)"
GET_QUEUE_DEPTH = "SELECT pending, oldest FROM wallet.get_queue(1)"
PROCESS_PENDING = "SELECT wallet.process_pending($1)"
SET_ASIDE_PENDING = "SELECT wallet.set_aside_pending()"
# The server's processes that work on, though their connections were ended so many seconds ago. One
# that waits for a call will get none, and is ended. A process that has the same id, but started
# later, is somebody else's.
LEFT_BEHIND = """
WITH left_behind AS MATERIALIZED (  -- Else every idle process would be ended, before the join.
    SELECT a.pid, a.state
    FROM unnest($1::text[]::int[], $2::text[]::float8[]) AS l (pid, seconds)
    JOIN pg_stat_activity a
      ON a.pid = l.pid AND a.backend_start < clock_timestamp() - make_interval(secs => l.seconds)
)
SELECT pid FROM left_behind
WHERE CASE WHEN state = 'idle' THEN NOT pg_terminate_backend(pid) ELSE true END
"""
# The functions that the service calls, each with the number of its arguments.
MISSING = """
SELECT coalesce(array_agg(f.name ORDER BY f.name), '{}')
FROM unnest(ARRAY[
    'create_account 5',
    'get_account 1',
    'find_accounts 4',
    'deposit 6',
    'withdraw 6',
    'transfer 7',
    'reverse 5',
    'enqueue_transfer 7',
    'transfer_or_enqueue 8',
    'transfer_batch 6',
    'hold 5',
    'capture 8',
    'release 3',
    'get_hold 1',
    'get_holds 3',
    'expire_holds 1',
    'set_limits 4',
    'describe_transaction 1',
    'find_transactions 6',
    'annotate_account 4',
    'get_annotation 1',
    'get_statement 3',
    'process_pending 1',
    'set_aside_pending 0',
    'run_group 2',
    'refresh_api_keys 1',
    'freeze_account 2',
    'unfreeze_account 2',
    'set_email 3',
    'cancel_pending 2',
    'audit 1',
    'get_queue 1',
    'get_account_waits 0',
    'version 0'
]) AS f (name)
WHERE NOT coalesce(has_schema_privilege(to_regnamespace('wallet'), 'USAGE'), false)
   OR NOT EXISTS (
       SELECT FROM pg_proc p
       WHERE p.pronamespace = to_regnamespace('wallet')
         AND format('%s %s', p.proname, p.pronargs) = f.name
         AND has_function_privilege(p.oid, 'EXECUTE'))
"""
