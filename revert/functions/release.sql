-- Revert pgwallet:functions/release from pg

BEGIN;

DROP FUNCTION wallet.release(bigint),
    wallet.release(bigint, text, text);

COMMIT;
