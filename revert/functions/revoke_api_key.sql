-- Revert pgwallet:functions/revoke_api_key from pg

BEGIN;

DROP FUNCTION wallet.revoke_api_key(bigint);

COMMIT;
