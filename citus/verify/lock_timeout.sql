-- Verify pgwallet_citus:lock_timeout on pg

BEGIN;

-- 1 / 0 if a function was replaced and does not say it, or if there is none.
SELECT 1 / (count(*) > 0 AND bool_and(p.prosrc LIKE '%-- As on one PostgreSQL:%'))::int
FROM pg_proc p
WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef AND p.provolatile = 'v';

ROLLBACK;
