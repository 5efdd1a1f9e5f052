-- Takes held money, and returns the transaction: to another account, or, without one, to outside.
--
-- Without an amount it takes all that is left of the hold. With less, the rest stays held, unless
-- the capture is final: then the rest is free again. The transaction is like any other. It can be
-- reversed, but the hold stays as it is.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says. `actor` is who
-- asked for it; NULL is session_user. `reference` and `metadata` are the caller's own words for it.
--
-- Locks: the key, if there is one, then the accounts' rows, the lower id first, then the hold's,
-- until the caller's transaction ends. The hold is read before, and again, if nothing could be
-- taken of it, when the accounts are locked: it changes only then.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL016 hold_not_found
--   WL003 same_account            the target is the account whose money is held
--   WL004 account_not_found       the target
--   WL017 hold_closed             it was captured or released, or it is due
--   WL018 hold_exceeded           less than the amount is left of it
--   WL007 balance_limit_exceeded  the target's balance would pass its maximum; the hold stays
--   WL008 account_frozen          of two frozen accounts, the source is named
--
--   SELECT * FROM wallet.capture(hold_id => 1, amount => 2.00, target_account_id => 2);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.capture(
    hold_id bigint, amount numeric DEFAULT NULL, target_account_id bigint DEFAULT NULL,
    final boolean DEFAULT false
)
RETURNS wallet.transaction
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.capture(
        capture.hold_id, capture.amount, capture.target_account_id, capture.final, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.transaction;
END
$$;

CREATE OR REPLACE FUNCTION wallet.capture(
    hold_id bigint, amount numeric, target_account_id bigint, final boolean, idempotency_key text,
    actor text DEFAULT NULL, reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_amount numeric := wallet.round_amount(capture.amount);
    v_target bigint := capture.target_account_id;
    v_hold wallet.hold;
    v_left numeric;
    v_taken numeric;
    v_freed numeric;
    v_refusal wallet.refusal;
    v_locked boolean := false;
    v_result wallet.operation_result;
BEGIN
    IF capture.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            capture.idempotency_key, capture.actor, 'capture', jsonb_build_object(
                'hold_id', capture.hold_id, 'amount', coalesce(v_amount, capture.amount),
                'target_account_id', v_target, 'final', coalesce(capture.final, false),
                'reference', capture.reference, 'metadata', capture.metadata));
    ELSIF capture.amount IS NOT NULL AND v_amount IS NULL THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL002', amount => capture.amount));
    END IF;

    LOOP
        SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
        INTO v_hold
        FROM wallet.hold h WHERE h.id = capture.hold_id;
        v_left := v_hold.amount - v_hold.captured;
        IF v_hold.account_id = v_target THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL003', v_target));
        ELSIF v_hold.id IS NULL THEN
            v_refusal := wallet.refusal('WL016', capture.hold_id);
        ELSIF v_locked OR v_left = 0 THEN
            v_refusal := wallet.check_hold(v_hold, v_amount);
        END IF;
        IF v_refusal.sqlstate IS NOT NULL THEN
            PERFORM FROM wallet.account a WHERE a.id = v_target;
            IF v_hold.id IS NOT NULL AND v_target IS NOT NULL AND NOT FOUND THEN
                v_refusal := wallet.refusal('WL004', v_target);
            END IF;
            RETURN ROW(false, NULL, NULL, NULL, v_refusal, NULL)::wallet.operation_result;
        END IF;

        v_taken := coalesce(v_amount, v_left);
        v_freed := CASE WHEN capture.final THEN greatest(v_left, v_taken) ELSE v_taken END;
        v_result := wallet.post(
            v_hold.account_id, v_target, v_taken, outside => true, actor => capture.actor,
            hold_id => v_hold.id, freed => v_freed,
            reference => capture.reference, metadata => capture.metadata);
        EXIT WHEN (v_result.transaction).id IS NOT NULL
            OR (v_locked AND (v_result.refusal).sqlstate IS NOT NULL);
        -- Once more, to say why: the hold may have changed before its account was locked.
        v_locked := true;
    END LOOP;
    IF (v_result.refusal).sqlstate IS NULL THEN
        INSERT INTO wallet.hold_capture (hold_id, transaction_id)
        VALUES (capture.hold_id, (v_result.transaction).id);
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.capture(bigint, numeric, bigint, boolean) IS
    'Takes held money, and returns the transaction: to another account, or, without one, to '
    'outside. Refusals: WL002 invalid_amount, WL016 hold_not_found, WL003 same_account, WL004 '
    'account_not_found, WL017 hold_closed, WL018 hold_exceeded, WL007 balance_limit_exceeded, '
    'WL008 account_frozen';

COMMENT ON FUNCTION wallet.capture(bigint, numeric, bigint, boolean, text, text, text, jsonb) IS
    'Takes held money, and returns the transaction: to another account, or, without one, to '
    'outside, once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 '
    'same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.capture(bigint, numeric, bigint, boolean),
    wallet.capture(bigint, numeric, bigint, boolean, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.capture(bigint, numeric, bigint, boolean),
    wallet.capture(bigint, numeric, bigint, boolean, text, text, text, jsonb) TO wallet_app;

COMMIT;
