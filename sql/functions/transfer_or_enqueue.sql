-- Makes a transfer if its accounts are free within `wait` seconds; if not, puts it into the queue.
--
-- The result is one that succeeded, as transfer() makes it, or one that is pending, as
-- enqueue_transfer() does. A wait of 0 seconds lasts a millisecond. A session whose lock_timeout is
-- at most 20 ms cannot wait: if the wait is longer, nothing is done, and it can try in another one.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says: the result holds
-- what was made or queued, or the refusal. `reference` and `metadata` are the caller's own words
-- for it.
--
-- Locks: the key, if there is one, then both accounts' rows, the lower id first, until the caller's
-- transaction ends; no account's row, when it is queued.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  `wait` is not 0 to 3600
--   55P03 lock_not_available      an account is locked, and the session cannot wait
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL003 same_account            source and target are one account
--   WL004 account_not_found       the source is looked at first, then the target
--   WL006 insufficient_funds      the source's balance would fall below its minimum
--   WL007 balance_limit_exceeded  the target's balance would pass its maximum
--   WL008 account_frozen          of two frozen accounts, the source is named
--
--   SELECT * FROM wallet.transfer_or_enqueue(1, 2, 5.00, wait => 0.5);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer_or_enqueue(
    source_account_id bigint, target_account_id bigint, amount numeric, wait numeric
)
RETURNS wallet.transfer_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.transfer_or_enqueue(
        transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
        transfer_or_enqueue.amount, transfer_or_enqueue.wait, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.results[1];
END
$$;

CREATE OR REPLACE FUNCTION wallet.transfer_or_enqueue(
    source_account_id bigint, target_account_id bigint, amount numeric, wait numeric,
    idempotency_key text, actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_timeout int := (extract(epoch FROM current_setting('lock_timeout')::interval) * 1000)::int;
    v_wait int;
    v_cannot_wait boolean;
    v_result wallet.operation_result;
    v_made wallet.transaction;
BEGIN
    IF transfer_or_enqueue.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            transfer_or_enqueue.idempotency_key, transfer_or_enqueue.actor, 'transfer_or_enqueue',
            jsonb_build_object(
                'source_account_id', transfer_or_enqueue.source_account_id,
                'target_account_id', transfer_or_enqueue.target_account_id,
                'amount', coalesce(
                    wallet.round_amount(transfer_or_enqueue.amount), transfer_or_enqueue.amount),
                'wait', trim_scale(transfer_or_enqueue.wait),
                'reference', transfer_or_enqueue.reference,
                'metadata', transfer_or_enqueue.metadata));
    ELSIF (transfer_or_enqueue.wait BETWEEN 0 AND 3600) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid wait',
            DETAIL = format('The wait is %s seconds.', coalesce(wait::text, 'NULL')),
            HINT = 'Give a wait of 0 to 3600 seconds.';
    END IF;

    v_wait := greatest(1, (1000 * transfer_or_enqueue.wait)::int);
    v_cannot_wait := v_timeout BETWEEN 1 AND least(20, v_wait - 1);
    BEGIN
        PERFORM wallet.lock_accounts(
            ARRAY[transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id],
            wait => CASE WHEN v_cannot_wait THEN v_timeout ELSE v_wait END);
        v_result := wallet.post(
            transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
            transfer_or_enqueue.amount, outside => false, actor => transfer_or_enqueue.actor,
            reference => transfer_or_enqueue.reference, metadata => transfer_or_enqueue.metadata);
    EXCEPTION WHEN lock_not_available THEN
        IF v_cannot_wait THEN
            RAISE;
        END IF;
        RETURN wallet.enqueue_transfer(
            transfer_or_enqueue.source_account_id, transfer_or_enqueue.target_account_id,
            transfer_or_enqueue.amount, NULL, transfer_or_enqueue.actor,
            transfer_or_enqueue.reference, transfer_or_enqueue.metadata);
    END;
    v_made := v_result.transaction;
    IF v_made.id IS NOT NULL THEN
        v_result := ROW(false, NULL, NULL, ARRAY[ROW(v_made.id, v_made.source_account_id,
            v_made.target_account_id, v_made.amount, v_made.ctime, v_made.source_entry,
            v_made.target_entry, v_made.source_balance, v_made.target_balance, v_made.actor,
            'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result], NULL, NULL)
            ::wallet.operation_result;
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric) IS
    'Makes a transfer if its accounts are free within `wait` seconds; if not, puts it into the '
    'queue. Refusals: 22023 for a wait that is not 0 to 3600, WL002 invalid_amount, '
    'WL003 same_account, WL004 account_not_found, WL006 insufficient_funds, '
    'WL007 balance_limit_exceeded, WL008 account_frozen';

COMMENT ON FUNCTION wallet.transfer_or_enqueue(
    bigint, bigint, numeric, numeric, text, text, text, jsonb
) IS
    'Makes a transfer if its accounts are free within `wait` seconds; if not, puts it into the '
    'queue; once for each key. Refusals: 22023 for a bad key or wait, WL002 invalid_amount, '
    'WL003 same_account, WL011 idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric),
    wallet.transfer_or_enqueue(
        bigint, bigint, numeric, numeric, text, text, text, jsonb
    ) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric),
    wallet.transfer_or_enqueue(
        bigint, bigint, numeric, numeric, text, text, text, jsonb
    ) TO wallet_app;

COMMIT;
