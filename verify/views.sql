-- Verify pgwallet:views on pg

BEGIN;

SELECT 1 / (count(*) = 10)::int
FROM pg_class c
WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'v'
  AND c.relowner = 'wallet_owner'::regrole
  AND c.relname IN ('account_overview', 'hold_overview', 'recent_transaction', 'daily_activity',
                    'largest_account', 'account_wait', 'size_per_transaction', 'queue',
                    'queue_stats', 'api_key_overview')
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_table_privilege('wallet_app', c.oid, 'SELECT');

ROLLBACK;
