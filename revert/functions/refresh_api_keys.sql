-- Revert pgwallet:functions/refresh_api_keys from pg

BEGIN;

DROP FUNCTION wallet.refresh_api_keys(bigint[]);

COMMIT;
