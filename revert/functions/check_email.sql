-- Revert pgwallet:functions/check_email from pg

BEGIN;

DROP FUNCTION wallet.check_email(text);

COMMIT;
