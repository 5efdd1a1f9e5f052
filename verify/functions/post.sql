-- Verify pgwallet:functions/post on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.post(bigint, bigint, numeric, boolean, text, bigint, bigint, numeric, text, jsonb)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole AND NOT p.prosecdef
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
