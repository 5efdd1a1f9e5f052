-- Decides on many transfers, one after another, and returns what becomes of each, in their order.
--
-- Each sees the balances that those before it leave, so what comes out is what transfer() would
-- have made of them one by one, refusals and their order included; but a refusal is an outcome, and
-- nothing is raised. Nothing is written either: wallet.write_batch() does that. `ids` are what the
-- transactions' ids shall be; NULL draws new ones. For the functions that take many transfers,
-- which are SECURITY DEFINER and pin the search_path; nobody else may execute it.
--
-- Locks: all accounts that are named, by ascending id, until the caller's transaction ends.
-- Refusals: none.
--
--   SELECT d.state FROM unnest(wallet.decide_batch(NULL, '{"(1,2,5.00)"}')) d;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.decide_batch(ids bigint[], transfers wallet.transfer_request[])
RETURNS wallet.outcome[]
LANGUAGE plpgsql
VOLATILE
-- A plan that is made for ten transfers would pair 5000 with their accounts one by one.
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    -- The accounts, and what they hold as the batch goes on.
    v_id bigint[];
    v_balance numeric[];
    v_entry bigint[];
    v_ctime timestamptz;
    v_frozen boolean[];
    v_item record;
    v_refusal wallet.refusal;
    v_outcomes wallet.outcome[] := '{}'::wallet.outcome[];
BEGIN
    SELECT array_agg(a.id), array_agg(a.balance), array_agg(a.entry_count), array_agg(a.frozen),
           greatest(clock_timestamp(), max(a.mtime))
    INTO v_id, v_balance, v_entry, v_frozen, v_ctime
    FROM wallet.lock_accounts(ARRAY(
        SELECT r.source_account_id FROM unnest(decide_batch.transfers) r
        UNION SELECT r.target_account_id FROM unnest(decide_batch.transfers) r)) a;

    FOR v_item IN
        SELECT r.id, r.source_account_id, r.target_account_id, r.amount AS asked,
               CASE WHEN r.amount >= 0.005 AND r.amount < 999999.995  -- As in valid_amount().
                   THEN round(r.amount, 2) END AS amount,
               s.place::int AS s, t.place::int AS t
        FROM unnest(decide_batch.transfers, decide_batch.ids) WITH ORDINALITY
            AS r (source_account_id, target_account_id, amount, id, place)
        LEFT JOIN unnest(v_id) WITH ORDINALITY AS s (id, place) ON s.id = r.source_account_id
        LEFT JOIN unnest(v_id) WITH ORDINALITY AS t (id, place) ON t.id = r.target_account_id
        ORDER BY r.place
    LOOP
        v_refusal := CASE
            WHEN v_item.amount IS NULL THEN wallet.refusal('WL002', amount => v_item.asked)
            WHEN v_item.source_account_id = v_item.target_account_id
                THEN wallet.refusal('WL003', v_item.source_account_id)
            WHEN v_item.s IS NULL THEN wallet.refusal('WL004', v_item.source_account_id)
            WHEN v_item.t IS NULL THEN wallet.refusal('WL004', v_item.target_account_id)
            WHEN v_balance[v_item.s] < v_item.amount THEN wallet.refusal(
                'WL006', v_item.source_account_id, v_balance[v_item.s], v_item.amount)
            WHEN v_balance[v_item.t] + v_item.amount > 999999.99 THEN wallet.refusal(
                'WL007', v_item.target_account_id, v_balance[v_item.t], v_item.amount)
            WHEN v_frozen[v_item.s] THEN wallet.refusal('WL008', v_item.source_account_id)
            WHEN v_frozen[v_item.t] THEN wallet.refusal('WL008', v_item.target_account_id)
        END;
        IF v_refusal.sqlstate IS NULL THEN
            v_balance[v_item.s] := v_balance[v_item.s] - v_item.amount;
            v_balance[v_item.t] := v_balance[v_item.t] + v_item.amount;
            v_entry[v_item.s] := v_entry[v_item.s] + 1;
            v_entry[v_item.t] := v_entry[v_item.t] + 1;
            v_item.id := coalesce(v_item.id, nextval('wallet.transaction_id_seq'));
        END IF;
        v_outcomes := v_outcomes || CASE WHEN v_refusal.sqlstate IS NULL
            THEN ROW(v_item.id, v_item.source_account_id, v_item.target_account_id, v_item.amount,
                v_ctime, v_entry[v_item.s], v_entry[v_item.t], v_balance[v_item.s],
                v_balance[v_item.t], 'succeeded', NULL, NULL, NULL, NULL)::wallet.outcome
            ELSE ROW(v_item.id, v_item.source_account_id, v_item.target_account_id,
                coalesce(v_item.amount, v_item.asked), v_ctime, NULL, NULL, NULL, NULL, 'failed',
                v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint
            )::wallet.outcome END;
    END LOOP;

    RETURN v_outcomes;
END
$$;

COMMENT ON FUNCTION wallet.decide_batch(bigint[], wallet.transfer_request[]) IS
    'Decides on many transfers, one after another, and returns what becomes of each, in their '
    'order. Refusals: none';

REVOKE ALL ON FUNCTION wallet.decide_batch(bigint[], wallet.transfer_request[]) FROM PUBLIC;

COMMIT;
