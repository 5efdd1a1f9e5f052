-- Revert pgwallet:functions/unfreeze_account from pg

BEGIN;

DROP FUNCTION wallet.unfreeze_account(bigint, text);

COMMIT;
