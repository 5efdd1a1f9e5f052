-- Verify pgwallet:functions/transfer_batch.with_key on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.transfer_batch(wallet.transfer_request[], boolean, text)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

DO $$
BEGIN
    BEGIN
        PERFORM wallet.transfer_batch('{}', true, '');
        ASSERT false, 'an empty key is refused';
    EXCEPTION WHEN SQLSTATE '22023' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
