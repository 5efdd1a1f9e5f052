-- Verify pgwallet:functions/deposit on pg

BEGIN;

SELECT 1 / has_function_privilege('wallet_app', 'wallet.deposit(bigint, numeric)', 'EXECUTE')::int;

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
