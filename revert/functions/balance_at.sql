-- Revert pgwallet:functions/balance_at from pg

BEGIN;

DROP FUNCTION wallet.balance_at(bigint, timestamptz);

COMMIT;
