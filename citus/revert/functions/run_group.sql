-- Revert pgwallet_citus:functions/run_group from pg

DROP FUNCTION IF EXISTS wallet.is_free(bigint), wallet.claim_key(wallet.group_request, int);
\ir ../../../sql/functions/run_group.sql
