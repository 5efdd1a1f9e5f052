-- Verify pgwallet:functions/create_account on pg

BEGIN;

SELECT 1 / has_function_privilege('wallet_app', 'wallet.create_account(text)', 'EXECUTE')::int;

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
