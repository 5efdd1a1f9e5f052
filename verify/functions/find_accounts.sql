-- Verify pgwallet:functions/find_accounts on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.find_accounts(text, bigint, int, text)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole AND p.prosecdef
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
