-- Revert pgwallet:functions/set_aside_pending from pg

BEGIN;

DROP FUNCTION wallet.set_aside_pending();

COMMIT;
