-- Revert pgwallet:functions/run_operation from pg

BEGIN;

DROP FUNCTION wallet.run_operation(text, jsonb, text);

COMMIT;
