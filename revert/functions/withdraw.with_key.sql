-- Revert pgwallet:functions/withdraw.with_key from pg

BEGIN;

DROP FUNCTION wallet.withdraw(bigint, numeric, text);

COMMIT;
