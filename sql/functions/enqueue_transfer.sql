-- Puts a transfer into the queue, and returns it as pending, with the id that it will keep.
--
-- The amount is rounded to hundredths, half away from zero. No account is locked and no balance
-- looked at: wallet.settle() does that later, in the order in which requests were committed. What
-- became of it is known to wallet.get_outcome().
--
-- Locks: nothing.
-- Refusals, the first that applies:
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--   WL004 account_not_found       the source is looked at first, then the target
--
--   SELECT * FROM wallet.enqueue_transfer(1, 2, amount => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.enqueue_transfer(
    source_account_id bigint, target_account_id bigint, amount numeric
)
RETURNS wallet.outcome
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_amount numeric := wallet.valid_amount(enqueue_transfer.amount);
    v_refusal wallet.refusal;
    v_outcome wallet.outcome;
BEGIN
    IF enqueue_transfer.source_account_id = enqueue_transfer.target_account_id THEN
        v_refusal := wallet.refusal('WL003', enqueue_transfer.source_account_id);
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;
    IF (SELECT count(*) FROM wallet.account a
        WHERE a.id IN (enqueue_transfer.source_account_id, enqueue_transfer.target_account_id)) < 2
    THEN
        PERFORM wallet.get_account(enqueue_transfer.source_account_id);
        PERFORM wallet.get_account(enqueue_transfer.target_account_id);
    END IF;

    INSERT INTO wallet.pending_transfer AS p (source_account_id, target_account_id, amount, ctime)
    VALUES (enqueue_transfer.source_account_id, enqueue_transfer.target_account_id, v_amount,
            clock_timestamp())
    RETURNING p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime, NULL::bigint,
              NULL::bigint, NULL::numeric, NULL::numeric, 'pending', NULL, NULL, NULL, NULL
    INTO v_outcome;

    RETURN v_outcome;
END
$$;

COMMENT ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric) IS
    'Puts a transfer into the queue, and returns it as pending, with the id that it will keep. '
    'Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric) TO wallet_app;

COMMIT;
