-- Verify pgwallet_citus:date_style on pg

BEGIN;

-- 1 / 0 if a function was replaced and not told, or if there is none.
SELECT 1 / (count(*) > 0 AND bool_and(p.proconfig::text ~* 'datestyle=iso'))::int
FROM pg_proc p WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef;

ROLLBACK;
