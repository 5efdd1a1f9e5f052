-- Verify pgwallet:functions/audit_queue on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.audit_queue(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

INSERT INTO wallet.pending_transfer (id, source_account_id, target_account_id, amount, ctime)
VALUES (-1, -2, -1, 5.00, now());
INSERT INTO wallet.failed_transfer
    (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint)
VALUES (-1, -2, -1, 5.00, now(), '', '', '', '');
SELECT 1 / count(*) FROM wallet.audit_queue(NULL) v WHERE v.transaction_id = -1;

ROLLBACK;
