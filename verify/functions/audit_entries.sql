-- Verify pgwallet:functions/audit_entries on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.audit_entries(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- An account whose balance comes from nowhere.
INSERT INTO wallet.account (id, email, balance)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com', 5.00);

SELECT 1 / count(*) FROM wallet.audit_entries(-1) v WHERE v.violation = 'balance_mismatch';

ROLLBACK;
