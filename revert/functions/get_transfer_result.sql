-- Revert pgwallet:functions/get_transfer_result from pg

BEGIN;

DROP FUNCTION wallet.get_transfer_result(bigint);

COMMIT;
