-- Revert pgwallet:functions/replay_result from pg

BEGIN;

DROP FUNCTION wallet.replay_result(wallet.idempotency_key);

COMMIT;
