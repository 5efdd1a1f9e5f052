-- Revert pgwallet:functions/get_hold from pg

BEGIN;

DROP FUNCTION wallet.get_hold(bigint);

COMMIT;
