-- Revert pgwallet:functions/refuse_change from pg

BEGIN;

DROP FUNCTION wallet.refuse_change();

COMMIT;
