-- Verify pgwallet:functions/settle on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.settle(int)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

DO $$
BEGIN
    BEGIN
        PERFORM wallet.settle(0);
        ASSERT false, '0 is refused';
    EXCEPTION WHEN SQLSTATE '22023' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
