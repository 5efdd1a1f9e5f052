-- Verify pgwallet:functions/audit on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.audit(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

INSERT INTO wallet.account (id, email, balance)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com', 5.00);

SELECT 1 / count(*) FROM wallet.audit(-1) v WHERE v.violation = 'balance_mismatch';

ROLLBACK;
