-- SELECT testing.reset() as postgres: an empty ledger, whose ids begin at 1. API keys stay.
CREATE SCHEMA testing;

CREATE FUNCTION testing.reset() RETURNS void LANGUAGE plpgsql
-- What is in the ledger is changed by nobody but a superuser who first says so.
SET wallet.change_history = on
AS $$
DECLARE
    v_tables text[];
    v_table text;
    v_is_used boolean;
    v_used text[] := '{}';
BEGIN
    -- No transfer is being processed meanwhile.
    PERFORM FROM wallet.queue_lock FOR NO KEY UPDATE;
    -- In the order in which wallet functions take them, so that a call in flight is waited for.
    v_tables := ARRAY(
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r'
          AND c.relname NOT IN ('queue_lock', 'api_key')
        ORDER BY c.relname <> 'idempotency_key', c.relname);
    EXECUTE format('LOCK TABLE %s', array_to_string(v_tables, ', '));
    -- To truncate costs a new file for the table and for each index, and most tables are empty.
    FOREACH v_table IN ARRAY v_tables LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', v_table) INTO v_is_used;
        IF v_is_used THEN
            v_used := v_used || v_table;
        END IF;
    END LOOP;
    IF v_used <> '{}' THEN
        EXECUTE format('TRUNCATE %s CASCADE', array_to_string(v_used, ', '));
    END IF;
    PERFORM setval(c.oid, 1, false) FROM pg_class c
    WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'S'
      AND c.relname NOT LIKE 'api_key%';
END
$$;
REVOKE EXECUTE ON FUNCTION testing.reset FROM PUBLIC;
