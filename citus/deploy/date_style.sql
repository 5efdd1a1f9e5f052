-- Deploy pgwallet_citus:date_style to pg
-- requires: nodes

BEGIN;

-- Values go to the workers as text, as the caller's session writes times. Each node reads ISO 8601.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET DateStyle = ISO', v_function);
    END LOOP;
END
$$;

COMMIT;
