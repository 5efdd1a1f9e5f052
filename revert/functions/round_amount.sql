-- Revert pgwallet:functions/round_amount from pg

BEGIN;

DROP FUNCTION wallet.round_amount(numeric);

COMMIT;
