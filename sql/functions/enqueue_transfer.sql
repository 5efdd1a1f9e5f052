-- Puts a transfer into the queue, and returns it as pending, with the id that it will keep.
--
-- The amount is rounded to hundredths, half away from zero. No account is locked and no balance is
-- read: wallet.process_pending() does that later, in the order in which requests were committed.
-- wallet.get_transfer_result() says what became of it.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says: the result holds
-- what was made or the refusal. A retry is told that
-- the transfer is pending, whatever has become of it since. `reference` and `metadata` are the
-- caller's own words for it, which it keeps in each state.
--
-- Locks: the key, if there is one, until the caller's transaction ends.
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
RETURNS wallet.transfer_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.enqueue_transfer(
        enqueue_transfer.source_account_id, enqueue_transfer.target_account_id,
        enqueue_transfer.amount, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.results[1];
END
$$;

CREATE OR REPLACE FUNCTION wallet.enqueue_transfer(
    source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text,
    actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_refusal wallet.refusal;
    v_id bigint;
    v_result wallet.transfer_result;
BEGIN
    IF enqueue_transfer.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            enqueue_transfer.idempotency_key, enqueue_transfer.actor, 'enqueue_transfer',
            jsonb_build_object(
                'source_account_id', enqueue_transfer.source_account_id,
                'target_account_id', enqueue_transfer.target_account_id,
                'amount', coalesce(
                    wallet.round_amount(enqueue_transfer.amount), enqueue_transfer.amount),
                'reference', enqueue_transfer.reference, 'metadata', enqueue_transfer.metadata));
    END IF;
    v_refusal := wallet.check_request(enqueue_transfer.source_account_id,
        enqueue_transfer.target_account_id, enqueue_transfer.amount);
    IF v_refusal.sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_refusal);
    END IF;
    FOREACH v_id IN ARRAY ARRAY[enqueue_transfer.source_account_id,
                                enqueue_transfer.target_account_id] LOOP
        IF NOT EXISTS (SELECT FROM wallet.account a WHERE a.id = v_id) THEN
            RETURN ROW(false, NULL, NULL, NULL, wallet.refusal('WL004', v_id), NULL)
                ::wallet.operation_result;
        END IF;
    END LOOP;

    INSERT INTO wallet.pending_transfer AS p
        (source_account_id, target_account_id, amount, ctime, actor)
    VALUES (enqueue_transfer.source_account_id, enqueue_transfer.target_account_id,
            wallet.round_amount(enqueue_transfer.amount), clock_timestamp(),
            coalesce(enqueue_transfer.actor, session_user))
    RETURNING p.id, p.source_account_id, p.target_account_id, p.amount::numeric, p.ctime,
              NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, p.actor::text, 'pending',
              NULL, NULL, NULL, NULL
    INTO v_result;

    IF enqueue_transfer.reference IS NOT NULL OR enqueue_transfer.metadata IS NOT NULL THEN
        PERFORM wallet.annotate(ARRAY[v_result.id], ARRAY[enqueue_transfer.reference],
                                ARRAY[enqueue_transfer.metadata]);
    END IF;
    RETURN ROW(false, NULL, NULL, ARRAY[v_result], NULL, NULL)::wallet.operation_result;
END
$$;

COMMENT ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric) IS
    'Puts a transfer into the queue, and returns it as pending, with the id that it will keep. '
    'Refusals: WL002 invalid_amount, WL003 same_account, WL004 account_not_found';

COMMENT ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text, text, text, jsonb) IS
    'Puts a transfer into the queue, and returns it as pending, with the id that it will keep, '
    'once for each key. Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 '
    'same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric),
    wallet.enqueue_transfer(bigint, bigint, numeric, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric),
    wallet.enqueue_transfer(bigint, bigint, numeric, text, text, text, jsonb) TO wallet_app;

COMMIT;
