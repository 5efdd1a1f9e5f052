-- Verify pgwallet:functions/deposit on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.deposit(bigint, numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
  AND obj_description(p.oid, 'pg_proc') LIKE '%WL008 account_frozen%';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.deposit(-1, 'NaN');
        ASSERT false, 'NaN is refused';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.deposit(-1, 1);
        ASSERT false, 'an unknown account is refused';
    EXCEPTION WHEN SQLSTATE 'WL004' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
