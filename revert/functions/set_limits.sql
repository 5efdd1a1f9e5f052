-- Revert pgwallet:functions/set_limits from pg

BEGIN;

DROP FUNCTION wallet.set_limits(bigint, numeric, numeric, text);

COMMIT;
