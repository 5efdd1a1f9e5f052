-- Verify pgwallet_citus:idempotency_key on pg

BEGIN;

-- A table that the ledger gains has a place by decision, here and in deploy/tables.sql.
DO $$
DECLARE
    v_undecided text := (
        SELECT string_agg(format('%s (%s)', coalesce(p.name, c.name), c.place), ', ')
        FROM (VALUES
            ('account', 'id'), ('limit_change', 'account_id'), ('account_annotation', 'account_id'),
            ('transaction_annotation', 'transaction_id'), ('transaction', 'id'),
            ('pending_transfer', 'id'), ('failed_transfer', 'id'), ('queued_transfer', 'id'),
            ('hold', 'id'), ('hold_capture', 'hold_id'), ('idempotency_key', 'key'),
            ('reversal', '<none>'),
            ('event_log', NULL), ('api_key', NULL), ('queue_lock', NULL)
        ) AS p (name, place)
        FULL JOIN (
            SELECT c.relname::text, t.distribution_column
            FROM pg_class c LEFT JOIN citus_tables t ON t.table_name = c.oid
            WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r'
        ) AS c (name, place) ON c.name = p.name
        WHERE p.name IS NULL OR c.name IS NULL OR p.place IS DISTINCT FROM c.place);
BEGIN
    IF v_undecided IS NOT NULL THEN
        RAISE EXCEPTION 'not where they belong: %', v_undecided;
    END IF;
END
$$;

ROLLBACK;
