-- Revert pgwallet:functions/version from pg

BEGIN;

DROP FUNCTION wallet.version();

COMMIT;
