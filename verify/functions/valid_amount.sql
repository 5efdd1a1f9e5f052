-- Verify pgwallet:functions/valid_amount on pg

BEGIN;

SELECT 1 / (NOT has_function_privilege(
    'wallet_app', 'wallet.valid_amount(numeric)', 'EXECUTE'))::int;

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
