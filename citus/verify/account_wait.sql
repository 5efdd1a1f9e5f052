-- Verify pgwallet_citus:account_wait on pg

BEGIN;

SELECT 1 / (pg_get_viewdef('wallet.account_wait'::regclass) LIKE '%run_command_on_workers%')::int;

ROLLBACK;
