-- Revert pgwallet:functions/hash_request from pg

BEGIN;

DROP FUNCTION wallet.hash_request(wallet.group_request);

COMMIT;
