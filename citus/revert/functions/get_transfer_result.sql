-- Revert pgwallet_citus:functions/get_transfer_result from pg

BEGIN;

DROP FUNCTION wallet.get_transfer_result(bigint);
ALTER FUNCTION wallet_plain.get_transfer_result(bigint) SET SCHEMA wallet;

COMMIT;
