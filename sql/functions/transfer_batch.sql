-- Makes many transfers, one after another, and returns what became of each, in their order.
--
-- What comes out is what transfer() would have made of them one by one. A refusal is an item's
-- outcome: its state is failed, and it has the refusal's sqlstate, message, detail and hint. With
-- `atomic` (NULL is true) nothing is done if any item is refused, and the others fail for that:
-- batch_refused, which names the first one, counted from 1.
--
-- Locks: all accounts that are named, by ascending id, until the caller's transaction ends.
-- Refusals: WL012 batch_too_large, for more than 10000 transfers. All others are outcomes.
--
--   SELECT * FROM wallet.transfer_batch('{"(1,2,5.00)", "(2,1,2.50)"}', atomic => false);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer_batch(
    transfers wallet.transfer_request[], atomic boolean
)
RETURNS SETOF wallet.outcome
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_refusal wallet.refusal;
    v_outcomes wallet.outcome[];
    v_refused bigint;
BEGIN
    IF cardinality(transfer_batch.transfers) > 10000 THEN
        v_refusal := wallet.refusal('WL012', cardinality(transfer_batch.transfers));
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;

    v_outcomes := wallet.decide_batch(NULL, transfer_batch.transfers);

    IF transfer_batch.atomic IS NOT FALSE THEN
        SELECT min(o.item) INTO v_refused
        FROM (SELECT row_number() OVER () AS item, u.state FROM unnest(v_outcomes) u) o
        WHERE o.state = 'failed';
    END IF;
    IF v_refused IS NOT NULL THEN
        v_refusal := wallet.refusal('WL013', v_refused);
        v_outcomes := ARRAY(
            SELECT ROW(NULL, o.source_account_id, o.target_account_id, o.amount, o.ctime,
                NULL, NULL, NULL, NULL, 'failed', coalesce(o.sqlstate, v_refusal.sqlstate),
                coalesce(o.message, v_refusal.message), coalesce(o.detail, v_refusal.detail),
                coalesce(o.hint, v_refusal.hint))::wallet.outcome
            FROM unnest(v_outcomes) o);
    END IF;

    PERFORM wallet.write_batch(v_outcomes);
    RETURN QUERY SELECT o.id, o.source_account_id, o.target_account_id, o.amount, o.ctime,
        o.source_entry, o.target_entry, o.source_balance, o.target_balance, o.state,
        o.sqlstate, o.message, o.detail, o.hint
    FROM unnest(v_outcomes) o;
END
$$;

COMMENT ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean) IS
    'Makes many transfers, one after another, and returns what became of each, in their order. '
    'Refusals: WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean) TO wallet_app;

COMMIT;
