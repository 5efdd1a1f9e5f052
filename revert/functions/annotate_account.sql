-- Revert pgwallet:functions/annotate_account from pg

BEGIN;

DROP FUNCTION wallet.annotate_account(bigint, text, jsonb, text);

COMMIT;
