-- Revert pgwallet:functions/log_event from pg

BEGIN;

DROP FUNCTION wallet.log_event(text, text, bigint, bigint, text);

COMMIT;
