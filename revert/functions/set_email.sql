-- Revert pgwallet:functions/set_email from pg

BEGIN;

DROP FUNCTION wallet.set_email(bigint, text, text);

COMMIT;
