-- Revert pgwallet:functions/capture from pg

BEGIN;

DROP FUNCTION wallet.capture(bigint, numeric, bigint, boolean),
    wallet.capture(bigint, numeric, bigint, boolean, text, text, text, jsonb);

COMMIT;
