-- Verify pgwallet_citus:functions/lock_accounts on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.lock_accounts(bigint[], int)'::regprocedure AND p.prosrc LIKE '%wallet.set_lock_timeout%';

ROLLBACK;
