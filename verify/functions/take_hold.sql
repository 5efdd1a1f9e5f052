-- Verify pgwallet:functions/take_hold on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.take_hold(bigint, numeric, numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole AND NOT p.prosecdef
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
