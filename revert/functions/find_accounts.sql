-- Revert pgwallet:functions/find_accounts from pg

BEGIN;

DROP FUNCTION wallet.find_accounts(text, bigint, int, text);

COMMIT;
