-- Revert pgwallet_citus:date_style from pg

BEGIN;

DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s RESET DateStyle', v_function);
    END LOOP;
END
$$;

COMMIT;
