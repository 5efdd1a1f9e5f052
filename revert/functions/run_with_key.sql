-- Revert pgwallet:functions/run_with_key from pg

BEGIN;

DROP FUNCTION wallet.run_with_key(text, text, text, jsonb);

COMMIT;
