-- Revert pgwallet:functions/refusal from pg

BEGIN;

DROP FUNCTION wallet.refusal(text, bigint, numeric, numeric, numeric, numeric, text);

COMMIT;
