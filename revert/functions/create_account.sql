-- Revert pgwallet:functions/create_account from pg

BEGIN;

DROP FUNCTION wallet.create_account(text, text, text, text, jsonb);
DROP FUNCTION wallet.create_account(text);

COMMIT;
