-- Verify pgwallet:functions/create_account on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.create_account(text)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
  -- It cannot be called here: it would take an id, and sequences do not roll back.
  AND p.prosrc LIKE '%a.frozen%';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.create_account('verify');
        ASSERT false, 'an email without @ is refused';
    EXCEPTION WHEN SQLSTATE 'WL001' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.create_account(NULL);
        ASSERT false, 'NULL is refused';
    EXCEPTION WHEN SQLSTATE 'WL001' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
