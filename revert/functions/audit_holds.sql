-- Revert pgwallet:functions/audit_holds from pg

BEGIN;

DROP FUNCTION wallet.audit_holds(bigint);

COMMIT;
