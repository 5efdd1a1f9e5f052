-- Verify pgwallet:functions/get_outcome on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.get_outcome(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

INSERT INTO wallet.pending_transfer (id, source_account_id, target_account_id, amount, ctime)
VALUES (-1, -2, -1, 5.00, now());
SELECT 1 / count(*) FROM wallet.get_outcome(-1) o WHERE o.state = 'pending';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.get_outcome(-2);
        ASSERT false, 'an unknown id is refused';
    EXCEPTION WHEN SQLSTATE 'WL005' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
