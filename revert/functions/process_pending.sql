-- Revert pgwallet:functions/process_pending from pg

BEGIN;

DROP FUNCTION wallet.process_pending(int);

COMMIT;
