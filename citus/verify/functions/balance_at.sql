-- Verify pgwallet_citus:functions/balance_at on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.balance_at(bigint, timestamptz)'::regprocedure AND p.prosrc LIKE '%wallet_plain.balance_at(%'
  AND to_regprocedure('wallet_plain.balance_at(bigint, timestamptz)') IS NOT NULL;

ROLLBACK;
