-- Revert pgwallet_citus:lock_timeout from pg

BEGIN;

DO $$
DECLARE
    v_function record;
BEGIN
    FOR v_function IN
        SELECT pg_get_functiondef(p.oid) AS definition, p.prosrc AS body,
               substring(p.prosrc FROM '-- As on one PostgreSQL:(.*);\nEND\n$') AS plain
        FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosrc LIKE '%-- As on one PostgreSQL:%'
    LOOP
        EXECUTE replace(v_function.definition, v_function.body, v_function.plain);
    END LOOP;
END
$$;

COMMIT;
