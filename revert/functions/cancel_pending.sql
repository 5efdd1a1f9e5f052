-- Revert pgwallet:functions/cancel_pending from pg

BEGIN;

DROP FUNCTION wallet.cancel_pending(bigint, text);

COMMIT;
