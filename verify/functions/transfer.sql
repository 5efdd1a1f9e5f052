-- Verify pgwallet:functions/transfer on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.transfer(bigint, bigint, numeric)'::regprocedure
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
        PERFORM wallet.transfer(-1, -1, 0);
        ASSERT false, 'the amount is looked at first';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.transfer(-1, -1, 1);
        ASSERT false, 'one account twice is refused';
    EXCEPTION WHEN SQLSTATE 'WL003' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.transfer(NULL, -1, 1);
        ASSERT false, 'NULL is no account';
    EXCEPTION WHEN SQLSTATE 'WL004' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
