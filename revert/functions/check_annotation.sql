-- Revert pgwallet:functions/check_annotation from pg

BEGIN;

DROP FUNCTION wallet.check_annotation(text, jsonb);

COMMIT;
