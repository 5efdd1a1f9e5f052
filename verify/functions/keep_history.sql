-- Verify pgwallet:functions/keep_history on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.keep_history()'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

CREATE TEMPORARY TABLE verify_history ();
CREATE TRIGGER verify_history BEFORE DELETE ON verify_history
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history();

DO $$
BEGIN
    BEGIN
        DELETE FROM verify_history;
        ASSERT false, 'DELETE is refused';
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
END
$$;

ROLLBACK;
