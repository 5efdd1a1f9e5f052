-- Verify pgwallet_citus:functions/expire_holds on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.expire_holds(int)'::regprocedure AND p.prosrc LIKE '%wallet.is_free%';

ROLLBACK;
