-- SELECT testing.reset() as postgres: an empty ledger, whose ids begin at 1. API keys stay.
CREATE SCHEMA testing;

CREATE FUNCTION testing.reset() RETURNS void LANGUAGE plpgsql
-- What is in the ledger is changed by nobody but a superuser who first says so.
SET wallet.change_history = on
AS $$
DECLARE
    v_tables text;
BEGIN
    -- No transfer is being processed meanwhile.
    PERFORM FROM wallet.queue_lock FOR NO KEY UPDATE;
    -- In the order in which wallet functions take them, so that a call in flight is waited for.
    SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.relname <> 'idempotency_key', c.relname)
    INTO v_tables
    FROM pg_class c
    WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r'
      AND c.relname NOT IN ('queue_lock', 'api_key');
    EXECUTE 'TRUNCATE ' || v_tables || ' RESTART IDENTITY';
END
$$;
REVOKE EXECUTE ON FUNCTION testing.reset FROM PUBLIC;
