-- Revert pgwallet:functions/reverse from pg

BEGIN;

DROP FUNCTION wallet.reverse(bigint);

COMMIT;
