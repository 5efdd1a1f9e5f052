-- Revert pgwallet:functions/transfer from pg

BEGIN;

DROP FUNCTION wallet.transfer(bigint, bigint, numeric, text, text, text, jsonb);
DROP FUNCTION wallet.transfer(bigint, bigint, numeric);

COMMIT;
