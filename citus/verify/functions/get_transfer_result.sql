-- Verify pgwallet_citus:functions/get_transfer_result on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.get_transfer_result(bigint)'::regprocedure AND p.prosrc LIKE '%wallet_plain.get_transfer_result(%'
  AND to_regprocedure('wallet_plain.get_transfer_result(bigint)') IS NOT NULL;

ROLLBACK;
