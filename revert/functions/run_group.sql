-- Revert pgwallet:functions/run_group from pg

BEGIN;

DROP FUNCTION wallet.run_group(wallet.group_request[], int);

COMMIT;
