-- Revert pgwallet_citus:nodes from pg

BEGIN;

DROP SCHEMA wallet_plain;
DROP FUNCTION wallet.set_up_nodes();

DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I RESET citus.all_modifications_commutative',
                   current_database());
    EXECUTE format('ALTER DATABASE %I RESET plan_cache_mode', current_database());
    EXECUTE format('ALTER DATABASE %I RESET citus.propagate_set_commands', current_database());
    EXECUTE format('ALTER DATABASE %I RESET citus.max_adaptive_executor_pool_size',
                   current_database());
END
$$;

COMMIT;
