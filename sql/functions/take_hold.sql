-- Takes an amount of a hold, and returns whether it could: it is open, and as much is left of it.
--
-- `freed` is how much of it is held no longer; when that is all that was left, it is captured. For
-- post(), which has its account locked: a hold changes only then. Nobody else may execute it.
--
-- Locks: the hold's row, until the caller's transaction ends. On Citus it may lie on another node
-- than its account, and be committed later: then this waits.
-- Refusals: none.
--
--   SELECT wallet.take_hold(1, amount => 2.00, freed => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.take_hold(hold_id bigint, amount numeric, freed numeric)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    UPDATE wallet.hold h
    SET captured = h.captured + take_hold.amount,
        state = CASE WHEN h.amount - h.captured = take_hold.freed THEN 'captured' ELSE 'held' END
    WHERE h.id = take_hold.hold_id AND h.state = 'held' AND h.expires_at > v_now
        AND h.amount - h.captured >= take_hold.freed;
    RETURN FOUND;
END
$$;

COMMENT ON FUNCTION wallet.take_hold(bigint, numeric, numeric) IS
    'Takes an amount of a hold, and returns whether it could: it is open, and as much is left of '
    'it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.take_hold(bigint, numeric, numeric) FROM PUBLIC;

COMMIT;
