-- Verify pgwallet:functions/create_api_key on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.create_api_key(text, text[], interval)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole AND p.prosecdef
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
