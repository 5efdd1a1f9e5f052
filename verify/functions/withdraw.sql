-- Verify pgwallet:functions/withdraw on pg

BEGIN;

SELECT 1 / (count(*) = 2)::int
FROM pg_proc p
WHERE p.oid IN (
    'wallet.withdraw(bigint, numeric)'::regprocedure,
    'wallet.withdraw(bigint, numeric, text, text, text, jsonb)'::regprocedure
)
  AND p.proowner = 'wallet_owner'::regrole AND p.prosecdef
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

ROLLBACK;
