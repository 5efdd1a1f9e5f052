-- Revert pgwallet:functions/withdraw from pg

BEGIN;

DROP FUNCTION wallet.withdraw(bigint, numeric, text, text, text, jsonb);
DROP FUNCTION wallet.withdraw(bigint, numeric);

COMMIT;
