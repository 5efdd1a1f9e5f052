-- Revert pgwallet:functions/freeze_account from pg

BEGIN;

DROP FUNCTION wallet.freeze_account(bigint, text);

COMMIT;
