-- Verify pgwallet:functions/cancel_pending on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.cancel_pending(bigint)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

INSERT INTO wallet.pending_transfer (id, source_account_id, target_account_id, amount, ctime)
VALUES (-1, -2, -1, 5.00, now());
SELECT 1 / count(*) FROM wallet.cancel_pending(-1) o WHERE o.sqlstate = 'WL014';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.cancel_pending(-1);
        ASSERT false, 'what is not pending is refused';
    EXCEPTION WHEN SQLSTATE 'WL015' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
