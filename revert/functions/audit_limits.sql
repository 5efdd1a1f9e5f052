-- Revert pgwallet:functions/audit_limits from pg

BEGIN;

DROP FUNCTION wallet.audit_limits(bigint);

COMMIT;
