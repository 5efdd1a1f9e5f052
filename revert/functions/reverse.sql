-- Revert pgwallet:functions/reverse from pg

BEGIN;

DROP FUNCTION wallet.reverse(bigint, text, text, text, jsonb);
DROP FUNCTION wallet.reverse(bigint);

COMMIT;
