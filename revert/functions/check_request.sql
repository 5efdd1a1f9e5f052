-- Revert pgwallet:functions/check_request from pg

BEGIN;

DROP FUNCTION wallet.check_request(bigint, bigint, numeric);

COMMIT;
