-- Revert pgwallet:functions/keep_history from pg

BEGIN;

DROP FUNCTION wallet.keep_history();

COMMIT;
