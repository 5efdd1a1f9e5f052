-- Verify pgwallet_citus:functions/replay_result on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.replay_result(wallet.idempotency_key)'::regprocedure AND p.prosrc LIKE '%wallet_plain.replay_result(%'
  AND to_regprocedure('wallet_plain.replay_result(wallet.idempotency_key)') IS NOT NULL;

ROLLBACK;
