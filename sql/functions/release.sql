-- Gives back what is left of a hold, and returns the hold.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says.
--
-- Locks: the key, if there is one, then the account's row, then the hold's, until the caller's
-- transaction ends.
-- Refusals, the first that applies:
--   WL016 hold_not_found
--   WL017 hold_closed             it was captured or released, or it is due
--
--   SELECT * FROM wallet.release(hold_id => 1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.release(hold_id bigint)
RETURNS wallet.hold
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.release(release.hold_id, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.hold;
END
$$;

CREATE OR REPLACE FUNCTION wallet.release(
    hold_id bigint, idempotency_key text, actor text DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account_id bigint := (
        SELECT h.account_id FROM wallet.hold h WHERE h.id = release.hold_id);
    v_hold wallet.hold;
    v_result wallet.operation_result;
BEGIN
    IF release.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(release.idempotency_key, release.actor, 'release',
                                   jsonb_build_object('hold_id', release.hold_id));
    END IF;

    v_result.replayed := false;
    PERFORM FROM wallet.account a WHERE a.id = v_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        v_result.refusal := wallet.refusal('WL016', release.hold_id);
        RETURN v_result;
    END IF;

    -- On Citus it may lie on another node than its account, and be committed later.
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold
    FROM wallet.hold h WHERE h.id = release.hold_id FOR NO KEY UPDATE;
    v_result.refusal := wallet.check_hold(v_hold, NULL);
    IF (v_result.refusal).sqlstate IS NULL THEN
        UPDATE wallet.hold h SET state = 'released' WHERE h.id = v_hold.id;
        UPDATE wallet.account a SET held = a.held - (v_hold.amount - v_hold.captured)
        WHERE a.id = v_hold.account_id;
        v_hold.state := 'released';
        v_result.hold := v_hold;
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.release(bigint) IS
    'Gives back what is left of a hold, and returns the hold. '
    'Refusals: WL016 hold_not_found, WL017 hold_closed';

COMMENT ON FUNCTION wallet.release(bigint, text, text) IS
    'Gives back what is left of a hold, and returns the hold, once for each key. Refusals: 22023 '
    'for a bad key, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.release(bigint), wallet.release(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.release(bigint), wallet.release(bigint, text, text)
    TO wallet_app;

COMMIT;
