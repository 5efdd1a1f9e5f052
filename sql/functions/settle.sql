-- Makes the transfers that are pending, the oldest first, at most `max_items`; returns how many.
--
-- Each succeeds, and is a transaction with the id that it had, or fails, and is in
-- wallet.failed_transfer; all in the caller's transaction. Oldest is the lowest id of those that
-- are committed: a transfer whose request was answered before another was asked for is settled
-- before it. Fewer than `max_items` means that nothing waits any more, or that some of them were
-- cancelled at the same time.
--
-- Locks: the right to settle, the requests' rows, then all accounts that they name by ascending id,
-- until the caller's transaction ends. A second settler waits for the first.
-- Refusals: none of class WL; 22023 for max_items that is NULL or below 1.
--
--   SELECT wallet.settle(max_items => 1000);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.settle(max_items int)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_ids bigint[];
    v_transfers wallet.transfer_request[];
    v_outcomes wallet.outcome[];
BEGIN
    IF (settle.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most transfers to settle, 1 or more.';
    END IF;
    -- In a statement of its own: the next one must see what another settler has done.
    PERFORM pg_advisory_xact_lock(hashtextextended('wallet.settle', 0));

    WITH oldest AS (
        DELETE FROM wallet.pending_transfer d
        WHERE d.id = ANY (ARRAY(
            SELECT p.id FROM wallet.pending_transfer p ORDER BY p.id LIMIT settle.max_items))
        RETURNING d.id, d.source_account_id, d.target_account_id, d.amount
    )
    SELECT array_agg(o.id ORDER BY o.id),
           array_agg(ROW(o.source_account_id, o.target_account_id, o.amount)
                     ::wallet.transfer_request ORDER BY o.id)
    INTO v_ids, v_transfers
    FROM oldest o;
    IF v_ids IS NULL THEN
        RETURN 0::bigint;
    END IF;

    v_outcomes := wallet.decide_batch(v_ids, v_transfers);
    PERFORM wallet.write_batch(v_outcomes);
    INSERT INTO wallet.failed_transfer
        (id, source_account_id, target_account_id, amount, ctime, sqlstate, message, detail, hint)
    SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime,
           o.sqlstate, o.message, o.detail, o.hint
    FROM unnest(v_outcomes) o WHERE o.state = 'failed';

    RETURN cardinality(v_outcomes)::bigint;
END
$$;

COMMENT ON FUNCTION wallet.settle(int) IS
    'Makes the transfers that are pending, the oldest first, at most `max_items`; returns how '
    'many. Refusals: none of class WL; 22023 for max_items that is NULL or below 1';

REVOKE ALL ON FUNCTION wallet.settle(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.settle(int) TO wallet_app;

COMMIT;
