-- Decides on many transfers, one after another, and returns the result of each, in their order.
--
-- Each transfer sees the balances that those before it leave. So the results are those of as many
-- calls of transfer(), with the same rules from check_request() and check_accounts(); but a refusal
-- is a result, and nothing is raised. Nothing is written: wallet.write_batch() does that. `ids` are
-- the ids that the transactions will have; NULL draws new ones. For the functions that take many
-- transfers, which are SECURITY DEFINER and pin the search_path; nobody else may execute it.
--
-- Locks: all accounts that are named, by ascending id, until the caller's transaction ends.
-- Refusals: none.
--
--   SELECT d.state FROM unnest(wallet.decide_batch(NULL, '{"(1,2,5.00)"}')) d;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.decide_batch(ids bigint[], transfers wallet.transfer_request[])
RETURNS wallet.transfer_result[]
LANGUAGE plpgsql
VOLATILE
-- A plan for ten transfers would pair 5000 with their accounts one by one.
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    -- The accounts, and what they hold as the batch goes on.
    v_id bigint[];
    v_balance numeric[];
    v_entry bigint[];
    v_frozen boolean[];
    v_mtime timestamptz[];
    v_now timestamptz;
    v_ctime timestamptz;
    v_item record;
    v_refusal wallet.refusal;
    v_results wallet.transfer_result[] := '{}'::wallet.transfer_result[];
BEGIN
    SELECT array_agg(a.id), array_agg(a.balance::numeric), array_agg(a.entry_count::bigint),
           array_agg(a.frozen), array_agg(a.mtime), clock_timestamp()
    INTO v_id, v_balance, v_entry, v_frozen, v_mtime, v_now
    FROM wallet.lock_accounts(ARRAY(
        SELECT r.source_account_id FROM unnest(decide_batch.transfers) r
        UNION SELECT r.target_account_id FROM unnest(decide_batch.transfers) r)) a;

    FOR v_item IN
        SELECT r.id, r.source_account_id, r.target_account_id, r.amount AS asked,
               wallet.round_amount(r.amount) AS amount,
               s.place::int AS s, t.place::int AS t
        FROM unnest(decide_batch.transfers, decide_batch.ids) WITH ORDINALITY
            AS r (source_account_id, target_account_id, amount, id, place)
        LEFT JOIN unnest(v_id) WITH ORDINALITY AS s (id, place) ON s.id = r.source_account_id
        LEFT JOIN unnest(v_id) WITH ORDINALITY AS t (id, place) ON t.id = r.target_account_id
        ORDER BY r.place
    LOOP
        v_refusal := wallet.check_request(
            v_item.source_account_id, v_item.target_account_id, v_item.asked);
        IF v_refusal.sqlstate IS NULL THEN
            v_refusal := wallet.check_accounts(
                v_item.amount, v_item.source_account_id, v_balance[v_item.s], v_frozen[v_item.s],
                v_item.target_account_id, v_balance[v_item.t], v_frozen[v_item.t],
                outside => false);
        END IF;
        IF v_refusal.sqlstate IS NULL THEN
            v_balance[v_item.s] := v_balance[v_item.s] - v_item.amount;
            v_balance[v_item.t] := v_balance[v_item.t] + v_item.amount;
            v_entry[v_item.s] := v_entry[v_item.s] + 1;
            v_entry[v_item.t] := v_entry[v_item.t] + 1;
            -- From the clock and these two accounts alone, as in post().
            v_ctime := greatest(v_now, v_mtime[v_item.s], v_mtime[v_item.t]);
            v_mtime[v_item.s] := v_ctime;
            v_mtime[v_item.t] := v_ctime;
            v_item.id := coalesce(v_item.id, nextval('wallet.transaction_id_seq'));
        END IF;
        v_results := v_results || CASE WHEN v_refusal.sqlstate IS NULL
            THEN ROW(v_item.id, v_item.source_account_id, v_item.target_account_id, v_item.amount,
                v_ctime, v_entry[v_item.s], v_entry[v_item.t], v_balance[v_item.s],
                v_balance[v_item.t], 'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result
            ELSE ROW(v_item.id, v_item.source_account_id, v_item.target_account_id,
                coalesce(v_item.amount, v_item.asked), v_now, NULL, NULL, NULL, NULL, 'failed',
                v_refusal.sqlstate, v_refusal.message, v_refusal.detail, v_refusal.hint
            )::wallet.transfer_result END;
    END LOOP;

    RETURN v_results;
END
$$;

COMMENT ON FUNCTION wallet.decide_batch(bigint[], wallet.transfer_request[]) IS
    'Decides on many transfers, one after another, and returns the result of each, in their '
    'order. Refusals: none';

REVOKE ALL ON FUNCTION wallet.decide_batch(bigint[], wallet.transfer_request[]) FROM PUBLIC;

COMMIT;
