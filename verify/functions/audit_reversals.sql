-- Verify pgwallet:functions/audit_reversals on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.audit_reversals(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- A deposit does not take a deposit back. Ids below 1 are never given out, and no sequence is
-- touched.
INSERT INTO wallet.account (id, email)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com');
INSERT INTO wallet.transaction (id, target_account_id, amount, ctime, target_entry, target_balance)
OVERRIDING SYSTEM VALUE
VALUES (-2, -1, 5.00, now(), 1, 5.00), (-1, -1, 5.00, now(), 2, 10.00);
INSERT INTO wallet.reversal (transaction_id, reverses) VALUES (-1, -2);

SELECT 1 / count(*) FROM wallet.audit_reversals(-1) v WHERE v.violation = 'reversal_mismatch';

ROLLBACK;
