-- Takes the oldest pending transfer out of the queue, as failed, and returns its id, or NULL.
--
-- For the queue worker, when processing that transfer alone has raised an error several times: it
-- must not stop the queue for ever. `detail` says what the error was.
--
-- Locks: the row of queue_lock and the request's row, until the caller's transaction ends.
-- Refusals: none. The transfer has failed with WL020 processing_failed.
--
--   SELECT wallet.set_aside_pending('a trigger raised an error');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.set_aside_pending(detail text)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_refusal wallet.refusal;
    v_pending record;
BEGIN
    PERFORM FROM wallet.queue_lock l FOR NO KEY UPDATE;

    DELETE FROM wallet.pending_transfer d
    WHERE d.id = (SELECT min(p.id) FROM wallet.pending_transfer p)
    RETURNING d.id, d.source_account_id, d.target_account_id, d.amount INTO v_pending;
    IF v_pending.id IS NOT NULL THEN
        v_refusal := wallet.refusal('WL020', v_pending.id);
        INSERT INTO wallet.failed_transfer
            (id, source_account_id, target_account_id, amount, ctime,
             sqlstate, message, detail, hint)
        VALUES (v_pending.id, v_pending.source_account_id, v_pending.target_account_id,
                v_pending.amount, clock_timestamp(), v_refusal.sqlstate, v_refusal.message,
                v_refusal.detail || ' ' || coalesce(left(set_aside_pending.detail, 500), ''),
                v_refusal.hint);
    END IF;

    RETURN v_pending.id;
END
$$;

COMMENT ON FUNCTION wallet.set_aside_pending(text) IS
    'Takes the oldest pending transfer out of the queue, as failed, and returns its id, or NULL. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.set_aside_pending(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.set_aside_pending(text) TO wallet_app;

COMMIT;
