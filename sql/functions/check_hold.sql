-- Returns why a hold may not be captured or released, or NULL: the rules of holds.
--
-- The hold is passed as it is while its account is locked. `amount` is what is to be taken; NULL
-- for a release, or for all that is left. For capture() and release(); nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none; it returns the first of these that applies:
--   WL017 hold_closed             it was captured or released, or it is due
--   WL018 hold_exceeded           less than the amount is left of it
--
--   SELECT * FROM wallet.check_hold(wallet.get_hold(1), amount => 6.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_hold(hold wallet.hold, amount numeric)
RETURNS wallet.refusal
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_hold wallet.hold := check_hold.hold;
    v_left numeric := v_hold.amount - v_hold.captured;
BEGIN
    IF v_hold.state <> 'held' THEN
        RETURN wallet.refusal('WL017', v_hold.id, state => v_hold.state);
    ELSIF v_hold.expires_at <= clock_timestamp() THEN
        -- Whether or not the sweep has come to it.
        RETURN wallet.refusal('WL017', v_hold.id, state => 'expired');
    ELSIF check_hold.amount > v_left THEN
        RETURN wallet.refusal('WL018', v_hold.id, v_left, check_hold.amount);
    END IF;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION wallet.check_hold(wallet.hold, numeric) IS
    'Returns why a hold may not be captured or released, or NULL: the rules of holds. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.check_hold(wallet.hold, numeric) FROM PUBLIC;

COMMIT;
