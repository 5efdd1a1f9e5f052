-- Revert pgwallet:functions/reverse from pg

BEGIN;

DROP FUNCTION wallet.reverse(bigint, text);
DROP FUNCTION wallet.reverse(bigint);

COMMIT;
