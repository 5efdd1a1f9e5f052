-- Deploy pgwallet:views to pg
-- requires: entry
-- requires: reversal
-- requires: failed_transfer
-- requires: api_key
-- requires: hold_capture
-- requires: transaction_annotation
-- requires: account_annotation

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE VIEW wallet.account_overview AS
SELECT a.id, a.email, a.balance, a.held, a.balance - a.held - a.minimum AS available,
       a.minimum, a.maximum,
       a.frozen, a.entry_count, a.ctime AS opened,
       CASE WHEN a.entry_count > 0 THEN a.mtime END AS last_entry, n.reference, n.metadata
FROM wallet.account a
LEFT JOIN LATERAL (
    SELECT x.reference, x.metadata FROM wallet.account_annotation x
    WHERE x.account_id = a.id ORDER BY x.id DESC LIMIT 1
) n ON true;

COMMENT ON VIEW wallet.account_overview IS
    'Each account: what it holds, how much of it is held and available, its limits, whether it is '
    'frozen, how many entries it has, since when, and its reference and metadata';
COMMENT ON COLUMN wallet.account_overview.id IS 'From 1';
COMMENT ON COLUMN wallet.account_overview.email IS 'Its owner''s address; others may have the same';
COMMENT ON COLUMN wallet.account_overview.balance IS
    'What it holds, in units with two decimals, what is held included';
COMMENT ON COLUMN wallet.account_overview.held IS 'How much of the balance open holds reserve';
COMMENT ON COLUMN wallet.account_overview.available IS
    'What it may pay or hold: balance - held - minimum';
COMMENT ON COLUMN wallet.account_overview.minimum IS 'The least balance; negative is a credit line';
COMMENT ON COLUMN wallet.account_overview.maximum IS 'The greatest balance';
COMMENT ON COLUMN wallet.account_overview.frozen IS 'Whether it takes no part in new transactions';
COMMENT ON COLUMN wallet.account_overview.entry_count IS 'How many entries its statement has';
COMMENT ON COLUMN wallet.account_overview.opened IS 'When it was opened';
COMMENT ON COLUMN wallet.account_overview.last_entry IS
    'When its last entry was made; NULL if it has none';
COMMENT ON COLUMN wallet.account_overview.reference IS 'Its callers'' own name for it, if any';
COMMENT ON COLUMN wallet.account_overview.metadata IS 'What its callers want kept, if anything';

CREATE VIEW wallet.recent_transaction AS
SELECT t.id, t.ctime,
       CASE WHEN r.transaction_id IS NOT NULL THEN 'reversal'
            WHEN t.source_account_id IS NULL THEN 'deposit'
            WHEN t.target_account_id IS NULL THEN 'withdrawal'
            ELSE 'transfer' END AS kind,
       t.source_account_id, t.target_account_id, t.amount, r.reverses, t.actor, n.reference
FROM wallet.transaction t
LEFT JOIN wallet.reversal r ON r.transaction_id = t.id
LEFT JOIN wallet.transaction_annotation n ON n.transaction_id = t.id
ORDER BY t.id DESC;

COMMENT ON VIEW wallet.recent_transaction IS
    'Transactions, the newest first: put a LIMIT on it';
COMMENT ON COLUMN wallet.recent_transaction.id IS 'The transaction';
COMMENT ON COLUMN wallet.recent_transaction.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.recent_transaction.kind IS 'deposit, withdrawal, transfer or reversal';
COMMENT ON COLUMN wallet.recent_transaction.source_account_id IS
    'The account that paid; NULL for a deposit';
COMMENT ON COLUMN wallet.recent_transaction.target_account_id IS
    'The account that was paid; NULL for a withdrawal';
COMMENT ON COLUMN wallet.recent_transaction.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.recent_transaction.reverses IS
    'The transaction that it takes back, if it is a reversal';
COMMENT ON COLUMN wallet.recent_transaction.actor IS
    'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.recent_transaction.reference IS 'Its caller''s own name for it, if any';

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
COMMENT ON COLUMN wallet.daily_activity.day IS 'The day in UTC';
COMMENT ON COLUMN wallet.daily_activity.transactions IS 'How many there were';
COMMENT ON COLUMN wallet.daily_activity.deposits IS 'How many of them came from outside';
COMMENT ON COLUMN wallet.daily_activity.withdrawals IS 'How many of them went outside';
COMMENT ON COLUMN wallet.daily_activity.paid_in IS 'The sum of the deposits';
COMMENT ON COLUMN wallet.daily_activity.paid_out IS 'The sum of the withdrawals';
COMMENT ON COLUMN wallet.daily_activity.transferred IS
    'The sum of what moved between accounts, reversals included';

CREATE VIEW wallet.largest_account AS
SELECT a.id, a.email, a.balance, a.entry_count
FROM wallet.account a
ORDER BY a.balance DESC, a.id;

COMMENT ON VIEW wallet.largest_account IS
    'Accounts, the one that holds most first: put a LIMIT on it; reads every account';
COMMENT ON COLUMN wallet.largest_account.id IS 'The account';
COMMENT ON COLUMN wallet.largest_account.email IS 'Its owner''s address';
COMMENT ON COLUMN wallet.largest_account.balance IS 'What it holds';
COMMENT ON COLUMN wallet.largest_account.entry_count IS 'How many entries its statement has';

CREATE VIEW wallet.account_wait AS
SELECT a.id AS account_id, l.pid, s.usename AS role,
       -- PostgreSQL notes when a wait began a moment after it has.
       coalesce(clock_timestamp() - (
           SELECT min(w.waitstart) FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted
       ), interval '0') AS waiting,
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
COMMENT ON COLUMN wallet.account_wait.account_id IS
    'The account that is locked; NULL if its row has just changed';
COMMENT ON COLUMN wallet.account_wait.pid IS 'The process id of the session that waits';
COMMENT ON COLUMN wallet.account_wait.role IS 'Its role';
COMMENT ON COLUMN wallet.account_wait.waiting IS 'For how long it has been waiting for this lock';
COMMENT ON COLUMN wallet.account_wait.blocked_by IS
    'The process ids that it waits for: pg_terminate_backend() ends one';
COMMENT ON COLUMN wallet.account_wait.query IS 'The first 80 characters of what it runs';

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
COMMENT ON COLUMN wallet.size_per_transaction.relation IS 'The table or index';
COMMENT ON COLUMN wallet.size_per_transaction.kind IS 'table or index';
COMMENT ON COLUMN wallet.size_per_transaction.bytes IS
    'Its bytes on disk; a table''s without its indexes';
COMMENT ON COLUMN wallet.size_per_transaction.bytes_per_transaction IS
    'The same for each transaction, as of the last ANALYZE; NULL before the first one';

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
COMMENT ON COLUMN wallet.hold_overview.id IS 'The hold';
COMMENT ON COLUMN wallet.hold_overview.account_id IS 'The account whose money it reserves';
COMMENT ON COLUMN wallet.hold_overview.amount IS 'What it reserved when it was made';
COMMENT ON COLUMN wallet.hold_overview.captured IS 'How much of that was taken';
COMMENT ON COLUMN wallet.hold_overview.state IS 'held, captured, released or expired';
COMMENT ON COLUMN wallet.hold_overview.expires_at IS 'When it ends by itself';
COMMENT ON COLUMN wallet.hold_overview.due IS
    'Whether that time has come, and it waits for expire_holds()';
COMMENT ON COLUMN wallet.hold_overview.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.hold_overview.actor IS
    'Who asked for it: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.hold_overview.captures IS 'The transactions that took what was captured';

CREATE VIEW wallet.queue AS
SELECT row_number() OVER (ORDER BY p.id) AS position, p.id, p.source_account_id,
       p.target_account_id, p.amount, p.ctime, clock_timestamp() - p.ctime AS waiting, p.actor
FROM wallet.pending_transfer p
ORDER BY p.id;

COMMENT ON VIEW wallet.queue IS
    'Transfers that wait to be processed, the next one first';
COMMENT ON COLUMN wallet.queue.position IS '1 is processed next';
COMMENT ON COLUMN wallet.queue.id IS 'The id that the transaction will have';
COMMENT ON COLUMN wallet.queue.source_account_id IS 'The account that is to pay';
COMMENT ON COLUMN wallet.queue.target_account_id IS 'The account that is to be paid';
COMMENT ON COLUMN wallet.queue.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.queue.ctime IS 'When it was queued';
COMMENT ON COLUMN wallet.queue.waiting IS 'For how long it has been waiting';
COMMENT ON COLUMN wallet.queue.actor IS
    'Who asked for it: the API key''s name, or the role that called';

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
COMMENT ON COLUMN wallet.queue_stats.pending IS 'How many transfers wait';
COMMENT ON COLUMN wallet.queue_stats.amount IS 'The sum of what they are to move';
COMMENT ON COLUMN wallet.queue_stats.oldest IS
    'When the one that has been waiting longest was queued; NULL if none waits';
COMMENT ON COLUMN wallet.queue_stats.waiting IS
    'For how long that one has been waiting; NULL if none waits';
COMMENT ON COLUMN wallet.queue_stats.failed IS
    'How many have failed since the ledger began, without the cancelled ones';
COMMENT ON COLUMN wallet.queue_stats.cancelled IS 'How many were cancelled since the ledger began';
COMMENT ON COLUMN wallet.queue_stats.last_failure IS 'When the last one failed or was cancelled';

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
COMMENT ON COLUMN wallet.api_key_overview.id IS 'The number for revoke_api_key()';
COMMENT ON COLUMN wallet.api_key_overview.name IS
    'Whose key it is: the actor of all that is done with it';
COMMENT ON COLUMN wallet.api_key_overview.ending IS 'Its last eight characters';
COMMENT ON COLUMN wallet.api_key_overview.scopes IS 'What it may do: read, write, operate';
COMMENT ON COLUMN wallet.api_key_overview.state IS 'valid, expired or revoked';
COMMENT ON COLUMN wallet.api_key_overview.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.api_key_overview.expires_at IS
    'When it ends by itself; NULL if it does not';
COMMENT ON COLUMN wallet.api_key_overview.revoked_at IS 'When it was revoked; NULL if it was not';
COMMENT ON COLUMN wallet.api_key_overview.last_used_on IS
    'The last day in UTC that it was used; NULL if it never was';

GRANT SELECT ON wallet.account_overview, wallet.hold_overview, wallet.recent_transaction,
    wallet.daily_activity, wallet.largest_account, wallet.account_wait,
    wallet.size_per_transaction, wallet.queue, wallet.queue_stats, wallet.api_key_overview TO
    wallet_reader;

COMMIT;
