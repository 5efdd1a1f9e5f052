-- Revert pgwallet:functions/max_amount from pg

BEGIN;

DROP FUNCTION wallet.max_amount();

COMMIT;
