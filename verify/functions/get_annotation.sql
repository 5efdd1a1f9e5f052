-- Verify pgwallet:functions/get_annotation on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.get_annotation(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole AND p.prosecdef
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
