-- Revert pgwallet:functions/check_hold from pg

BEGIN;

DROP FUNCTION wallet.check_hold(wallet.hold, numeric);

COMMIT;
