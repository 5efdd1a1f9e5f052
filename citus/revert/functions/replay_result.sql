-- Revert pgwallet_citus:functions/replay_result from pg

BEGIN;

DROP FUNCTION wallet.replay_result(wallet.idempotency_key);
ALTER FUNCTION wallet_plain.replay_result(wallet.idempotency_key) SET SCHEMA wallet;

COMMIT;
