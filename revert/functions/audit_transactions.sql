-- Revert pgwallet:functions/audit_transactions from pg

BEGIN;

DROP FUNCTION wallet.audit_transactions(bigint);

COMMIT;
