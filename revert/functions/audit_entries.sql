-- Revert pgwallet:functions/audit_entries from pg

BEGIN;

DROP FUNCTION wallet.audit_entries(bigint);

COMMIT;
