-- Revert pgwallet:functions/purge_idempotency_keys from pg

BEGIN;

DROP FUNCTION wallet.purge_idempotency_keys(interval);

COMMIT;
