-- Verify pgwallet:functions/audit_transactions on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.audit_transactions(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Money from nowhere. Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email, balance)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com', 5.00);

SELECT 1 / count(*) FROM wallet.audit_transactions(NULL) v WHERE v.violation = 'sum_mismatch';
SELECT 1 / (count(*) = 0)::int FROM wallet.audit_transactions(-1) v;

ROLLBACK;
