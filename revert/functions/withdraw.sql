-- Revert pgwallet:functions/withdraw from pg

BEGIN;

DROP FUNCTION wallet.withdraw(bigint, numeric, text, text);
DROP FUNCTION wallet.withdraw(bigint, numeric);

COMMIT;
