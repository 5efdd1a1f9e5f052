-- Revert pgwallet:functions/check_group from pg

BEGIN;

DROP FUNCTION wallet.check_group(wallet.group_request[]);

COMMIT;
