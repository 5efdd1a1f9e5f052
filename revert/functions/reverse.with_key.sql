-- Revert pgwallet:functions/reverse.with_key from pg

BEGIN;

DROP FUNCTION wallet.reverse(bigint, text);

COMMIT;
