-- Revert pgwallet:functions/audit_reversals from pg

BEGIN;

DROP FUNCTION wallet.audit_reversals(bigint);

COMMIT;
