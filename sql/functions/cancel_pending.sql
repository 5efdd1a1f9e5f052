-- Takes a pending transfer out of the queue, and returns it: failed, as cancelled.
--
-- wallet.event_log keeps who asked for it: `actor`, or the role that called.
-- For DBAs, and for HTTP clients whose API key has the scope operate.
--
-- Locks: the request's row, until the caller's transaction ends. It waits for a queue worker that
-- is processing the request.
-- Refusals, the first that applies:
--   WL005 transaction_not_found
--   WL015 not_pending             it has succeeded or failed already
--
--   SELECT * FROM wallet.cancel_pending((wallet.enqueue_transfer(1, 2, 5.00)).id);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.cancel_pending(id bigint, actor text DEFAULT NULL)
RETURNS wallet.transfer_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_refusal wallet.refusal := wallet.refusal('WL014', cancel_pending.id);
BEGIN
    WITH cancelled AS (
        DELETE FROM wallet.pending_transfer p WHERE p.id = cancel_pending.id
        RETURNING p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime, p.actor
    ), queued AS (
        INSERT INTO wallet.queued_transfer (id, queued_at) SELECT c.id, c.ctime FROM cancelled c
    )
    INSERT INTO wallet.failed_transfer
        (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint,
         actor)
    SELECT c.id, c.source_account_id, c.target_account_id, c.amount, clock_timestamp(),
           v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint, c.actor
    FROM cancelled c;

    IF NOT FOUND THEN
        PERFORM wallet.get_transfer_result(cancel_pending.id);
        PERFORM wallet.raise_refusal(wallet.refusal('WL015', cancel_pending.id));
    END IF;
    PERFORM wallet.log_event(
        cancel_pending.actor, 'cancel_pending', transaction_id => cancel_pending.id);

    RETURN wallet.get_transfer_result(cancel_pending.id);
END
$$;

COMMENT ON FUNCTION wallet.cancel_pending(bigint, text) IS
    'Takes a pending transfer out of the queue, and returns it: failed, as cancelled. '
    'Refusals: WL005 transaction_not_found, WL015 not_pending';

REVOKE ALL ON FUNCTION wallet.cancel_pending(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.cancel_pending(bigint, text) TO wallet_app;

COMMIT;
