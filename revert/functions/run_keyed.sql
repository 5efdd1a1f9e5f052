-- Revert pgwallet:functions/run_keyed from pg

BEGIN;

DROP FUNCTION wallet.run_keyed(wallet.group_request);

COMMIT;
