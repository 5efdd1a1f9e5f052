-- Revert pgwallet:functions/deposit from pg

BEGIN;

DROP FUNCTION wallet.deposit(bigint, numeric, text, text, text, jsonb);
DROP FUNCTION wallet.deposit(bigint, numeric);

COMMIT;
