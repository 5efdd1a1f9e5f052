-- Verify pgwallet:reversal on pg

BEGIN;

SELECT r.transaction_id, r.reverses FROM wallet.reversal r WHERE false;

SELECT 1 / (count(*) = 5)::int
FROM pg_constraint c
WHERE c.conrelid = 'wallet.reversal'::regclass AND c.contype IN ('p', 'u', 'f', 'c');

SELECT 1 / has_table_privilege('wallet_reader', 'wallet.reversal', 'SELECT')::int;
SELECT 1 / (NOT has_table_privilege('wallet_app', 'wallet.reversal',
    'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'))::int;

ROLLBACK;
