-- Revert pgwallet:functions/once from pg

BEGIN;

DROP FUNCTION wallet.once(text, text, jsonb);

COMMIT;
