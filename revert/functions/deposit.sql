-- Revert pgwallet:functions/deposit from pg

BEGIN;

DROP FUNCTION wallet.deposit(bigint, numeric, text, text);
DROP FUNCTION wallet.deposit(bigint, numeric);

COMMIT;
