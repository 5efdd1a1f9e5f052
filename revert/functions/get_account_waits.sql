-- Revert pgwallet:functions/get_account_waits from pg

BEGIN;

DROP FUNCTION wallet.get_account_waits();

COMMIT;
