-- Revert pgwallet:functions/audit from pg

BEGIN;

DROP FUNCTION wallet.audit(bigint);

COMMIT;
