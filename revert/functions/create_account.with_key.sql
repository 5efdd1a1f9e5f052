-- Revert pgwallet:functions/create_account.with_key from pg

BEGIN;

DROP FUNCTION wallet.create_account(text, text);

COMMIT;
