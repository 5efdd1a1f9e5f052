-- Verify pgwallet:functions/get_transaction on pg

BEGIN;

SELECT 1 / has_function_privilege('wallet_app', 'wallet.get_transaction(bigint)', 'EXECUTE')::int;

DO $$
BEGIN
    BEGIN
        PERFORM wallet.get_transaction(-1);
        ASSERT false, 'an unknown transaction is refused';
    EXCEPTION WHEN SQLSTATE 'WL005' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
