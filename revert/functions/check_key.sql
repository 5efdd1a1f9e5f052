-- Revert pgwallet:functions/check_key from pg

BEGIN;

DROP FUNCTION wallet.check_key(text);

COMMIT;
