-- Verify pgwallet_citus:functions/run_group on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.run_group(wallet.group_request[], int)'::regprocedure AND p.prosrc LIKE '%wallet.set_lock_timeout%';

ROLLBACK;
