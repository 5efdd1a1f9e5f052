-- Revert pgwallet:functions/get_account from pg

BEGIN;

DROP FUNCTION wallet.get_account(bigint);

COMMIT;
