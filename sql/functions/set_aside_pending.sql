-- Processes the oldest pending transfer again; if that raises an error, the transfer has failed.
--
-- Returns the id of what failed so, or NULL. For the queue worker, when processing a transfer alone
-- has raised an error several times: it must not stop the queue for ever.
--
-- Locks: as process_pending(1), until the caller's transaction ends.
-- Refusals: none. The transfer has failed, as processing_failed. What is no fault of the transfer's
-- is raised: a lock, a deadlock, a timeout, a server that cannot.
--
--   SELECT wallet.set_aside_pending();

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.set_aside_pending()
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
    -- Once this is held, the transfer that is oldest can only be cancelled.
    PERFORM FROM wallet.queue_lock l FOR NO KEY UPDATE;
    BEGIN
        PERFORM wallet.process_pending(1);
        -- Else a deferred trigger would raise its error at the commit.
        SET CONSTRAINTS ALL IMMEDIATE;
        RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(25|40|53|55P03|57|58)' THEN
            RAISE;
        END IF;
    END;

    DELETE FROM wallet.pending_transfer d
    WHERE d.id = (SELECT min(p.id) FROM wallet.pending_transfer p)
    RETURNING d.id, d.source_account_id, d.target_account_id, d.amount, d.ctime, d.actor
    INTO v_pending;
    IF v_pending.id IS NOT NULL THEN
        v_refusal := wallet.refusal('WL020', v_pending.id);
        INSERT INTO wallet.failed_transfer
            (id, source_account_id, target_account_id, amount, ctime,
             sqlstate, message, detail, hint, actor)
        VALUES (v_pending.id, v_pending.source_account_id, v_pending.target_account_id,
                v_pending.amount, clock_timestamp(),
                v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint,
                v_pending.actor);
        INSERT INTO wallet.queued_transfer (id, queued_at)
        VALUES (v_pending.id, v_pending.ctime);
    END IF;

    RETURN v_pending.id;
END
$$;

COMMENT ON FUNCTION wallet.set_aside_pending() IS
    'Processes the oldest pending transfer again; if that raises an error, the transfer has '
    'failed. Refusals: none';

REVOKE ALL ON FUNCTION wallet.set_aside_pending() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.set_aside_pending() TO wallet_app;

COMMIT;
