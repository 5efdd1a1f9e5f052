-- Revert pgwallet:functions/reverse from pg

BEGIN;

DROP FUNCTION wallet.reverse(bigint, text, text);
DROP FUNCTION wallet.reverse(bigint);

COMMIT;
