-- Verify pgwallet:functions/get_account on pg

BEGIN;

SELECT 1 / has_function_privilege('wallet_app', 'wallet.get_account(bigint)', 'EXECUTE')::int;

DO $$
BEGIN
    BEGIN
        PERFORM wallet.get_account(-1);
        ASSERT false, 'an unknown account is refused';
    EXCEPTION WHEN SQLSTATE 'WL004' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
