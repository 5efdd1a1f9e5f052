-- Revert pgwallet:functions/get_outcome from pg

BEGIN;

DROP FUNCTION wallet.get_outcome(bigint);

COMMIT;
