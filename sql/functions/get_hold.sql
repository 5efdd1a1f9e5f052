-- Returns a hold as it is now.
--
-- A hold that is due is held until the sweep has ended it, but nothing can be done with it.
--
-- Locks: nothing.
-- Refusals: WL016 hold_not_found.
--
--   SELECT * FROM wallet.get_hold(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_hold(id bigint)
RETURNS wallet.hold
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_hold wallet.hold;
BEGIN
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold
    FROM wallet.hold h
    WHERE h.id = get_hold.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL016', get_hold.id));
    END IF;

    RETURN v_hold;
END
$$;

COMMENT ON FUNCTION wallet.get_hold(bigint) IS
    'Returns a hold as it is now. Refusals: WL016 hold_not_found';

REVOKE ALL ON FUNCTION wallet.get_hold(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_hold(bigint) TO wallet_app, wallet_reader;

COMMIT;
