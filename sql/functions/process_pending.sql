-- Makes the transfers that are pending, the oldest first, at most `max_items`; returns how many.
--
-- Each succeeds, and becomes a transaction with the id that it had, or fails, and moves to
-- wallet.failed_transfer; wallet.queued_transfer keeps since when it waited. All of it happens in
-- the caller's transaction. The oldest is the lowest id of those
-- that are committed: a transfer whose request was answered before another was sent is processed
-- before it. A result below `max_items` means that nothing is pending any more, or that some
-- transfers were cancelled at the same time.
--
-- Locks: the row of queue_lock, the requests' rows, then all accounts that they name by
-- ascending id, until the caller's transaction ends. A second call waits for the first.
-- Refusals: none of class WL; 22023 for max_items that is NULL or below 1.
--
--   SELECT wallet.process_pending(max_items => 1000);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.process_pending(max_items int)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_ids bigint[];
    v_actors text[];
    v_times timestamptz[];
    v_sources bigint[];
    v_targets bigint[];
    v_amounts numeric[];
    v_results wallet.transfer_result[];
BEGIN
    IF (process_pending.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most transfers to process, 1 or more.';
    END IF;
    -- A statement of its own, so that the next one sees what another call has committed.
    PERFORM FROM wallet.queue_lock l FOR NO KEY UPDATE;

    WITH oldest AS (
        DELETE FROM wallet.pending_transfer d
        WHERE d.id = ANY (ARRAY(
            SELECT p.id FROM wallet.pending_transfer p
            ORDER BY p.id LIMIT process_pending.max_items))
        RETURNING d.id, d.source_account_id, d.target_account_id, d.amount, d.ctime, d.actor
    )
    SELECT array_agg(o.id ORDER BY o.id), array_agg(o.actor::text ORDER BY o.id),
           array_agg(o.ctime ORDER BY o.id),
           array_agg(o.source_account_id ORDER BY o.id),
           array_agg(o.target_account_id ORDER BY o.id),
           array_agg(o.amount::numeric ORDER BY o.id)
    INTO v_ids, v_actors, v_times, v_sources, v_targets, v_amounts
    FROM oldest o;
    IF v_ids IS NULL THEN
        RETURN 0::bigint;
    END IF;

    v_results := wallet.decide_batch(
        wallet.lock_accounts(v_sources || v_targets),
        ARRAY(SELECT ROW(t.source, t.target, t.amount)::wallet.transfer_request
              FROM unnest(v_sources, v_targets, v_amounts) AS t (source, target, amount)),
        v_ids, outside => NULL, actors => v_actors);
    PERFORM wallet.write_batch(v_results);
    INSERT INTO wallet.failed_transfer
        (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint,
         actor)
    SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime,
           o.sqlstate, o.message, o.detail, o.hint, o.actor
    FROM unnest(v_results) o WHERE o.state = 'failed';
    INSERT INTO wallet.queued_transfer (id, queued_at)
    SELECT q.id, q.queued_at FROM unnest(v_ids, v_times) AS q (id, queued_at);

    RETURN cardinality(v_results)::bigint;
END
$$;

COMMENT ON FUNCTION wallet.process_pending(int) IS
    'Makes the transfers that are pending, the oldest first, at most `max_items`; returns how '
    'many. Refusals: none of class WL; 22023 for max_items that is NULL or below 1';

REVOKE ALL ON FUNCTION wallet.process_pending(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.process_pending(int) TO wallet_app;

COMMIT;
