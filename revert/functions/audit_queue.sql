-- Revert pgwallet:functions/audit_queue from pg

BEGIN;

DROP FUNCTION wallet.audit_queue(bigint);

COMMIT;
