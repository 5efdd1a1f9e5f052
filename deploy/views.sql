-- Deploy pgwallet:views to pg
-- requires: entry
-- requires: reversal
-- requires: failed_transfer
-- requires: api_key
-- requires: hold_capture

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE VIEW wallet.account_overview AS
SELECT a.id, a.email, a.balance, a.held, a.balance - a.held - a.minimum AS available,
       a.minimum, a.maximum,
       a.frozen, a.entry_count, a.ctime AS opened,
       CASE WHEN a.entry_count > 0 THEN a.mtime END AS last_entry
FROM wallet.account a;

COMMENT ON VIEW wallet.account_overview IS
    'Each account: what it holds, how much of it is held and available, its limits, whether it is '
    'frozen, how many entries it has, since when';

CREATE VIEW wallet.recent_transaction AS
SELECT t.id, t.ctime,
       CASE WHEN r.transaction_id IS NOT NULL THEN 'reversal'
            WHEN t.source_account_id IS NULL THEN 'deposit'
            WHEN t.target_account_id IS NULL THEN 'withdrawal'
            ELSE 'transfer' END AS kind,
       t.source_account_id, t.target_account_id, t.amount, r.reverses, t.actor
FROM wallet.transaction t
LEFT JOIN wallet.reversal r ON r.transaction_id = t.id
ORDER BY t.id DESC;

COMMENT ON VIEW wallet.recent_transaction IS
    'Transactions, the newest first: put a LIMIT on it';

CREATE VIEW wallet.daily_activity AS
SELECT (t.ctime AT TIME ZONE 'UTC')::date AS day,
       count(*) AS transactions,
       count(*) FILTER (WHERE t.source_account_id IS NULL) AS deposits,
       count(*) FILTER (WHERE t.target_account_id IS NULL) AS withdrawals,
       coalesce(sum(t.amount) FILTER (WHERE t.source_account_id IS NULL), 0.00) AS paid_in,
       coalesce(sum(t.amount) FILTER (WHERE t.target_account_id IS NULL), 0.00) AS paid_out,
       coalesce(sum(t.amount) FILTER (
           WHERE t.source_account_id IS NOT NULL AND t.target_account_id IS NOT NULL
       ), 0.00) AS transferred
FROM wallet.transaction t
GROUP BY day
ORDER BY day DESC;

COMMENT ON VIEW wallet.daily_activity IS
    'What happened on each UTC day, the newest first; reads the whole ledger';

CREATE VIEW wallet.largest_account AS
SELECT a.id, a.email, a.balance, a.entry_count
FROM wallet.account a
ORDER BY a.balance DESC, a.id;

COMMENT ON VIEW wallet.largest_account IS
    'Accounts, the one that holds most first: put a LIMIT on it; reads every account';

CREATE VIEW wallet.account_wait AS
SELECT a.id AS account_id, l.pid, s.usename AS role,
       clock_timestamp() - (
           SELECT min(w.waitstart) FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted
       ) AS waiting,
       pg_blocking_pids(l.pid) AS blocked_by, left(s.query, 80) AS query
FROM pg_locks l
JOIN pg_stat_activity s ON s.pid = l.pid
-- Whoever waits for a row holds, or waits for, a lock on that version of it.
LEFT JOIN wallet.account a ON a.ctid = format('(%s,%s)', l.page, l.tuple)::tid
WHERE l.locktype = 'tuple' AND l.relation = 'wallet.account'::regclass
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY waiting DESC;

COMMENT ON VIEW wallet.account_wait IS
    'Accounts that calls wait for now, the longest wait first, and whom they wait for. Another '
    'role''s query shows to members of pg_read_all_stats';

CREATE VIEW wallet.size_per_transaction AS
SELECT c.relname AS relation,
       CASE c.relkind WHEN 'i' THEN 'index' ELSE 'table' END AS kind,
       pg_relation_size(c.oid) AS bytes,
       round(pg_relation_size(c.oid) / nullif(n.transactions, 0), 1) AS bytes_per_transaction
FROM pg_class c
CROSS JOIN (
    SELECT greatest(t.reltuples, 0)::numeric FROM pg_class t
    WHERE t.oid = 'wallet.transaction'::regclass
) AS n (transactions)
WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('r', 'i')
ORDER BY bytes DESC, relation;

COMMENT ON VIEW wallet.size_per_transaction IS
    'Tables and indexes with their bytes on disk, and by transaction as of the last ANALYZE';

CREATE VIEW wallet.hold_overview AS
SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at,
       h.state = 'held' AND h.expires_at <= clock_timestamp() AS due,
       h.ctime, h.actor,
       ARRAY(SELECT c.transaction_id FROM wallet.hold_capture c
             WHERE c.hold_id = h.id ORDER BY c.transaction_id) AS captures
FROM wallet.hold h;

COMMENT ON VIEW wallet.hold_overview IS
    'Each hold: its state, whether it is due and waits for the sweep, and which transactions took '
    'what was captured';

CREATE VIEW wallet.queue AS
SELECT row_number() OVER (ORDER BY p.id) AS position, p.id, p.source_account_id,
       p.target_account_id, p.amount, p.ctime, clock_timestamp() - p.ctime AS waiting, p.actor
FROM wallet.pending_transfer p
ORDER BY p.id;

COMMENT ON VIEW wallet.queue IS
    'Transfers that wait to be processed, the next one first';

CREATE VIEW wallet.queue_stats AS
SELECT p.pending, p.amount, p.oldest, clock_timestamp() - p.oldest AS waiting,
       f.failed, f.cancelled, f.last_failure
FROM (
    SELECT count(*) AS pending, coalesce(sum(q.amount), 0.00) AS amount, min(q.ctime) AS oldest
    FROM wallet.pending_transfer q
) p
CROSS JOIN (
    SELECT count(*) FILTER (WHERE x.sqlstate <> 'WL014') AS failed,
           count(*) FILTER (WHERE x.sqlstate = 'WL014') AS cancelled,
           max(x.ctime) AS last_failure
    FROM wallet.failed_transfer x
) f;

COMMENT ON VIEW wallet.queue_stats IS
    'How many transfers wait, their sum, since when; how many have failed or were cancelled';

CREATE VIEW wallet.api_key_overview AS
SELECT k.id, k.name, k.ending, k.scopes,
       CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'
            WHEN k.expires_at <= clock_timestamp() THEN 'expired'
            ELSE 'valid' END AS state,
       k.ctime, k.expires_at, k.revoked_at, k.last_used_on
FROM wallet.api_key k
ORDER BY k.id;

COMMENT ON VIEW wallet.api_key_overview IS
    'API keys: whose they are, how they end, what they may do, whether they are valid';

GRANT SELECT ON wallet.account_overview, wallet.hold_overview, wallet.recent_transaction,
    wallet.daily_activity, wallet.largest_account, wallet.account_wait,
    wallet.size_per_transaction, wallet.queue, wallet.queue_stats, wallet.api_key_overview TO
    wallet_reader;

COMMIT;
