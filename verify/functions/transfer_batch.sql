-- Verify pgwallet:functions/transfer_batch on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.transfer_batch(wallet.transfer_request[], boolean)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

SELECT 1 / count(*)
FROM wallet.transfer_batch('{"(-2,-1,5)"}', false) o
WHERE o.state = 'failed' AND o.sqlstate = 'WL004' AND o.hint <> '';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.transfer_batch(
            array_fill(NULL::wallet.transfer_request, ARRAY[10001]), true);
        ASSERT false, '10001 are refused';
    EXCEPTION WHEN SQLSTATE 'WL012' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
