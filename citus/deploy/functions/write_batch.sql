-- Deploy pgwallet_citus:functions/write_batch to pg
-- requires: nodes

BEGIN;

-- Citus plans no statement whose values it does not know.
ALTER FUNCTION wallet.write_batch(wallet.transfer_result[], text[], jsonb[])
    SET plan_cache_mode = force_custom_plan;

COMMIT;
