-- Ends holds that are due, the longest due first, at most `max_items`, and returns how many.
--
-- Their money is free again. An account that somebody else has locked is passed over. So a call
-- waits for nobody, and a later call ends what was left. A frozen account's holds end too.
--
-- Locks: the accounts' rows that are free, until the caller's transaction ends.
-- Refusals: none of class WL; 22023 for max_items that is NULL or below 1.
--
--   SELECT wallet.expire_holds(max_items => 1000);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.expire_holds(max_items int)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_ids bigint[];
    v_expired bigint;
BEGIN
    IF (expire_holds.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most holds to end, 1 or more.';
    END IF;

    -- It waits for no lock, and so may take them in any order.
    v_ids := ARRAY(
        SELECT h.id FROM wallet.hold h JOIN wallet.account a ON a.id = h.account_id
        WHERE h.state = 'held' AND h.expires_at <= v_now
        ORDER BY h.expires_at LIMIT expire_holds.max_items
        FOR NO KEY UPDATE OF a SKIP LOCKED);

    -- A statement of its own, which sees the holds as they are once their accounts are locked.
    WITH expired AS (
        UPDATE wallet.hold h SET state = 'expired'
        WHERE h.id = ANY (v_ids) AND h.state = 'held'
        RETURNING h.account_id, h.amount - h.captured AS held
    ), freed AS (
        UPDATE wallet.account a SET held = a.held - e.held
        FROM (SELECT x.account_id, sum(x.held) FROM expired x GROUP BY x.account_id)
            AS e (account_id, held)
        WHERE a.id = e.account_id
    )
    SELECT count(*) INTO v_expired FROM expired x;
    RETURN v_expired;
END
$$;

COMMENT ON FUNCTION wallet.expire_holds(int) IS
    'Ends holds that are due, the longest due first, at most `max_items`, and returns how many. '
    'Refusals: none of class WL; 22023 for max_items that is NULL or below 1';

REVOKE ALL ON FUNCTION wallet.expire_holds(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.expire_holds(int) TO wallet_app;

COMMIT;
