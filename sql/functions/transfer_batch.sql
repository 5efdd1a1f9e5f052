-- Makes many transfers, one after another, and returns the result of each, in their order.
--
-- The results are those of as many calls of transfer(). A refusal is an item's result: its state is
-- failed, and it has the refusal's sqlstate, message, detail and hint. With `atomic` (NULL is true)
-- nothing is done if any item is refused: the other items fail too, as batch_refused, which names
-- the first refused item, counted from 1.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says. The nth `reference`
-- and `metadata` are the caller's own words for the nth transfer, and are kept if it succeeds.
--
-- Locks: the key, if there is one, then all accounts that are named, by ascending id, until the
-- caller's transaction ends.
-- Refusals: WL012 batch_too_large, for more than 10000 transfers. All others are results.
--
--   SELECT * FROM wallet.transfer_batch('{"(1,2,5.00)", "(2,1,2.50)"}', atomic => false);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer_batch(
    transfers wallet.transfer_request[], atomic boolean
)
RETURNS SETOF wallet.transfer_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.transfer_batch(
        transfer_batch.transfers, transfer_batch.atomic, NULL);
BEGIN
    RETURN QUERY
    SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime, o.source_entry,
        o.target_entry, o.source_balance, o.target_balance, o.actor, o.state,
        o.sqlstate, o.message, o.detail, o.hint
    FROM unnest(v_result.results) o;
END
$$;

CREATE OR REPLACE FUNCTION wallet.transfer_batch(
    transfers wallet.transfer_request[], atomic boolean, idempotency_key text,
    actor text DEFAULT NULL, reference text[] DEFAULT NULL, metadata jsonb[] DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_count int := coalesce(cardinality(transfer_batch.transfers), 0);
    v_refusal wallet.refusal;
    v_results wallet.transfer_result[];
    v_refused bigint;
BEGIN
    IF transfer_batch.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            transfer_batch.idempotency_key, transfer_batch.actor, 'transfer_batch',
            jsonb_build_object(
                'transfers', to_jsonb(ARRAY(
                    SELECT ROW(r.source_account_id, r.target_account_id,
                               coalesce(wallet.round_amount(r.amount), r.amount))
                           ::wallet.transfer_request
                    FROM unnest(transfer_batch.transfers) r)),
                'atomic', transfer_batch.atomic,
                'reference', to_jsonb(transfer_batch.reference),
                'metadata', to_jsonb(transfer_batch.metadata)));
    ELSIF v_count > 10000 THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL012', v_count));
    END IF;

    v_results := wallet.decide_batch(
        wallet.lock_accounts(ARRAY(
            SELECT r.source_account_id FROM unnest(transfer_batch.transfers) r
            UNION SELECT r.target_account_id FROM unnest(transfer_batch.transfers) r)),
        transfer_batch.transfers, ids => NULL, outside => NULL,
        actors => array_fill(transfer_batch.actor, ARRAY[v_count]));

    IF transfer_batch.atomic IS NOT FALSE THEN
        SELECT min(o.item) INTO v_refused
        FROM (SELECT row_number() OVER () AS item, u.state FROM unnest(v_results) u) o
        WHERE o.state = 'failed';
    END IF;
    IF v_refused IS NOT NULL THEN
        v_refusal := wallet.refusal('WL013', v_refused);
        v_results := ARRAY(
            SELECT ROW(NULL, o.source_account_id, o.target_account_id, o.amount, o.ctime,
                NULL, NULL, NULL, NULL, o.actor, 'failed',
                coalesce(o.sqlstate, v_refusal.sqlstate),
                coalesce(o.message, v_refusal.message), coalesce(o.detail, v_refusal.detail),
                coalesce(o.hint, v_refusal.hint))::wallet.transfer_result
            FROM unnest(v_results) o);
    END IF;

    PERFORM wallet.write_batch(v_results, transfer_batch.reference, transfer_batch.metadata);
    RETURN ROW(false, NULL, NULL, v_results, NULL, NULL)::wallet.operation_result;
END
$$;

COMMENT ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean) IS
    'Makes many transfers, one after another, and returns the result of each, in their order. '
    'Refusals: WL012 batch_too_large';

COMMENT ON FUNCTION wallet.transfer_batch(
    wallet.transfer_request[], boolean, text, text, text[], jsonb[]
) IS
    'Makes many transfers, one after another, and returns the result of each, in their order, once '
    'for each key. Refusals: 22023 for a bad key, WL011 idempotency_key_reused, '
    'WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean),
    wallet.transfer_batch(
        wallet.transfer_request[], boolean, text, text, text[], jsonb[]
    ) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean),
    wallet.transfer_batch(
        wallet.transfer_request[], boolean, text, text, text[], jsonb[]
    ) TO wallet_app;

COMMIT;
