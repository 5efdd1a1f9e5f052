-- Revert pgwallet:functions/valid_amount from pg

BEGIN;

DROP FUNCTION wallet.valid_amount(numeric);

COMMIT;
