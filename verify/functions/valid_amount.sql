-- Verify pgwallet:functions/valid_amount on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.valid_amount(numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

DO $$
BEGIN
    BEGIN
        PERFORM wallet.valid_amount(0.004);
        ASSERT false, '0.004 is refused';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.valid_amount('NaN');
        ASSERT false, 'NaN is refused';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.valid_amount(NULL);
        ASSERT false, 'NULL is refused';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
END
$$;

SELECT 1 / (wallet.valid_amount(0.005) = 0.01)::int;

ROLLBACK;
