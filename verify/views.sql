-- Verify pgwallet:views on pg

BEGIN;

SELECT v.id, v.email, v.balance, v.frozen, v.entry_count, v.opened, v.last_entry
FROM wallet.account_overview v WHERE false;
SELECT v.id, v.ctime, v.kind, v.source_account_id, v.target_account_id, v.amount, v.reverses
FROM wallet.recent_transaction v WHERE false;
SELECT v.day, v.transactions, v.deposits, v.withdrawals, v.paid_in, v.paid_out, v.transferred
FROM wallet.daily_activity v WHERE false;
SELECT v.id, v.email, v.balance, v.entry_count FROM wallet.largest_account v WHERE false;
SELECT v.account_id, v.pid, v.role, v.waiting, v.blocked_by, v.query
FROM wallet.account_wait v WHERE false;
SELECT v.relation, v.kind, v.bytes, v.bytes_per_transaction
FROM wallet.size_per_transaction v WHERE false;

SELECT v.position, v.id, v.source_account_id, v.target_account_id, v.amount, v.ctime, v.waiting
FROM wallet.queue v WHERE false;
SELECT v.pending, v.amount, v.oldest, v.waiting, v.failed, v.cancelled, v.last_failure
FROM wallet.queue_stats v WHERE false;

SELECT 1 / (count(*) = 8)::int
FROM pg_class c
WHERE c.relnamespace = 'wallet'::regnamespace
  AND c.relkind = 'v'
  AND c.relname IN ('account_overview', 'recent_transaction', 'daily_activity', 'largest_account',
                    'account_wait', 'size_per_transaction', 'queue', 'queue_stats')
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_table_privilege('wallet_app', c.oid, 'SELECT');

ROLLBACK;
