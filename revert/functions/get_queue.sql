-- Revert pgwallet:functions/get_queue from pg

BEGIN;

DROP FUNCTION wallet.get_queue(int);

COMMIT;
