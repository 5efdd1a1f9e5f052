-- Deploy pgwallet_citus:lock_timeout to pg
-- requires: functions/lock_accounts

BEGIN;

-- Each function that a client may call and that may lock first tells the workers the lock_timeout
-- of its session; its own text becomes a block after that. It costs no message: it goes with the
-- worker's BEGIN.
DO $$
DECLARE
    v_function record;
BEGIN
    FOR v_function IN
        SELECT pg_get_functiondef(p.oid) AS definition, p.prosrc AS body FROM pg_proc p
        WHERE p.pronamespace = 'wallet'::regnamespace AND p.prosecdef AND p.provolatile = 'v'
          AND p.prosrc NOT LIKE '%-- As on one PostgreSQL:%'
    LOOP
        EXECUTE replace(v_function.definition, v_function.body, format($body$
BEGIN
    PERFORM wallet.set_lock_timeout();
    -- As on one PostgreSQL:%s;
END
$body$, v_function.body));
    END LOOP;
END
$$;

COMMIT;
