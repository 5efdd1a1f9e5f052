-- Revert pgwallet:functions/hold from pg

BEGIN;

DROP FUNCTION wallet.hold(bigint, numeric, interval),
    wallet.hold(bigint, numeric, interval, text, text);

COMMIT;
