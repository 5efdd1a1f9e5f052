-- Verify pgwallet:functions/transfer_or_enqueue on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- A wait ends with the call.
SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric)'::regprocedure
  AND 'lock_timeout=0' = ANY (p.proconfig);

DO $$
BEGIN
    BEGIN
        PERFORM wallet.transfer_or_enqueue(-1, -2, 1, 'NaN');
        ASSERT false, 'NaN is refused';
    EXCEPTION WHEN SQLSTATE '22023' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.transfer_or_enqueue(-1, -2, 1, 0);
        ASSERT false, 'an unknown account is refused';
    EXCEPTION WHEN SQLSTATE 'WL004' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
