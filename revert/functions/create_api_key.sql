-- Revert pgwallet:functions/create_api_key from pg

BEGIN;

DROP FUNCTION wallet.create_api_key(text, text[], interval);

COMMIT;
