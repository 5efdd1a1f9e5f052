-- Revert pgwallet:functions/transfer from pg

BEGIN;

DROP FUNCTION wallet.transfer(bigint, bigint, numeric, text, text);
DROP FUNCTION wallet.transfer(bigint, bigint, numeric);

COMMIT;
