-- Revert pgwallet:functions/attempt from pg

BEGIN;

DROP FUNCTION wallet.attempt(text, jsonb);

COMMIT;
