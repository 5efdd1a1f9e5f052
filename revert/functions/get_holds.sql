-- Revert pgwallet:functions/get_holds from pg

BEGIN;

DROP FUNCTION wallet.get_holds(bigint, bigint, int);

COMMIT;
