-- Verify pgwallet_citus:functions/write_batch on pg

BEGIN;

SELECT 1 / count(*) FROM pg_proc p
WHERE p.oid = 'wallet.write_batch(wallet.transfer_result[], text[], jsonb[])'::regprocedure
  AND 'plan_cache_mode=force_custom_plan' = ANY (p.proconfig);

ROLLBACK;
