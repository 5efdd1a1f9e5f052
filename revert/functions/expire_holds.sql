-- Revert pgwallet:functions/expire_holds from pg

BEGIN;

DROP FUNCTION wallet.expire_holds(int);

COMMIT;
