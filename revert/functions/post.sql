-- Revert pgwallet:functions/post from pg

BEGIN;

DROP FUNCTION wallet.post(
    bigint, bigint, numeric, boolean, text, bigint, bigint, numeric, text, jsonb
);

COMMIT;
