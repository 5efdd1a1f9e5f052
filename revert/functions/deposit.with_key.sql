-- Revert pgwallet:functions/deposit.with_key from pg

BEGIN;

DROP FUNCTION wallet.deposit(bigint, numeric, text);

COMMIT;
