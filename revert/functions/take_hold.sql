-- Revert pgwallet:functions/take_hold from pg

BEGIN;

DROP FUNCTION wallet.take_hold(bigint, numeric, numeric);

COMMIT;
