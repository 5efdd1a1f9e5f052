-- Revert pgwallet:functions/transfer.with_key from pg

BEGIN;

DROP FUNCTION wallet.transfer(bigint, bigint, numeric, text);

COMMIT;
