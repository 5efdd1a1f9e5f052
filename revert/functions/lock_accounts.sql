-- Revert pgwallet:functions/lock_accounts from pg

BEGIN;

DROP FUNCTION wallet.lock_accounts(bigint[], int);

COMMIT;
