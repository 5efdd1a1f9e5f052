-- Decides on many transfers, one after another, and returns the result of each, in their order.
--
-- Each transfer sees the balances that those before it leave. So the results are those of as many
-- calls of transfer(), with the same rules from check_request() and check_accounts(); but a refusal
-- is a result, and nothing is raised. Nothing is written: wallet.write_batch() does that.
--
-- `accounts` are those that the transfers name, as lock_accounts() returned them. `ids` are the ids
-- that the transactions will have; NULL draws new ones. `outside` says for each transfer whether
-- NULL stands for the world outside; NULL is false. `actors` are who asked for each; NULL is
-- session_user. For the functions that take many transfers,
-- which are SECURITY DEFINER and pin the search_path; nobody else may execute it.
--
-- Locks: nothing; the accounts are locked already.
-- Refusals: none.
--
--   SELECT wallet.decide_batch(wallet.lock_accounts(ARRAY[1, 2]), '{"(1,2,5.00)"}', NULL, NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.decide_batch(
    accounts wallet.account[], transfers wallet.transfer_request[], ids bigint[], outside boolean[],
    actors text[] DEFAULT NULL
)
RETURNS wallet.transfer_result[]
LANGUAGE plpgsql
VOLATILE
-- One plan for any number of transfers. A nested loop would be slow for 5000 of them.
SET plan_cache_mode = force_generic_plan
SET enable_nestloop = off
AS $$
DECLARE
    -- What changes as the batch goes on, for each account in its place.
    v_balance numeric[];
    v_entry bigint[];
    v_mtime timestamptz[];
    v_now timestamptz;
    v_ctime timestamptz;
    v_item record;
    v_refusal wallet.refusal;
    v_results wallet.transfer_result[] := '{}'::wallet.transfer_result[];
BEGIN
    SELECT array_agg(a.balance::numeric), array_agg(a.entry_count::bigint), array_agg(a.mtime),
           clock_timestamp()
    INTO v_balance, v_entry, v_mtime, v_now
    FROM unnest(decide_batch.accounts) a;

    FOR v_item IN
        SELECT r.id, r.source_account_id, r.target_account_id, r.amount AS asked,
               wallet.round_amount(r.amount) AS amount, coalesce(r.outside, false) AS outside,
               coalesce(r.actor, session_user) AS actor,
               wallet.check_request(r.source_account_id, r.target_account_id, r.amount) AS refusal,
               s.ordinality::int AS s, s.held, s.minimum, s.frozen AS source_frozen,
               t.ordinality::int AS t, t.maximum, t.frozen AS target_frozen
        FROM unnest(decide_batch.transfers, decide_batch.ids, decide_batch.outside,
                    decide_batch.actors) WITH ORDINALITY
            AS r (source_account_id, target_account_id, amount, id, outside, actor, place)
        LEFT JOIN unnest(decide_batch.accounts) WITH ORDINALITY s ON s.id = r.source_account_id
        LEFT JOIN unnest(decide_batch.accounts) WITH ORDINALITY t ON t.id = r.target_account_id
        ORDER BY r.place
    LOOP
        v_refusal := v_item.refusal;
        IF v_refusal.sqlstate IS NULL THEN
            v_refusal := wallet.check_accounts(
                v_item.amount, v_item.source_account_id, v_balance[v_item.s], v_item.held,
                v_item.minimum, v_item.source_frozen, v_item.target_account_id,
                v_balance[v_item.t], v_item.maximum, v_item.target_frozen, v_item.outside);
        END IF;
        IF v_refusal.sqlstate IS NULL THEN
            -- From the clock and these two accounts alone, as in post().
            v_ctime := greatest(v_now, v_mtime[v_item.s], v_mtime[v_item.t]);
            IF v_item.s IS NOT NULL THEN
                v_balance[v_item.s] := v_balance[v_item.s] - v_item.amount;
                v_entry[v_item.s] := v_entry[v_item.s] + 1;
                v_mtime[v_item.s] := v_ctime;
            END IF;
            IF v_item.t IS NOT NULL THEN
                v_balance[v_item.t] := v_balance[v_item.t] + v_item.amount;
                v_entry[v_item.t] := v_entry[v_item.t] + 1;
                v_mtime[v_item.t] := v_ctime;
            END IF;
            v_item.id := coalesce(v_item.id, nextval('wallet.transaction_id_seq'));
            v_results := v_results || ROW(v_item.id, v_item.source_account_id,
                v_item.target_account_id, v_item.amount, v_ctime, v_entry[v_item.s],
                v_entry[v_item.t], v_balance[v_item.s], v_balance[v_item.t], v_item.actor,
                'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result;
        ELSE
            v_results := v_results || ROW(v_item.id, v_item.source_account_id,
                v_item.target_account_id, coalesce(v_item.amount, v_item.asked), v_now, NULL, NULL,
                NULL, NULL, v_item.actor, 'failed', v_refusal.sqlstate, v_refusal.message,
                v_refusal.detail, v_refusal.hint)::wallet.transfer_result;
        END IF;
    END LOOP;

    RETURN v_results;
END
$$;

COMMENT ON FUNCTION wallet.decide_batch(
    wallet.account[], wallet.transfer_request[], bigint[], boolean[], text[]
) IS
    'Decides on many transfers, one after another, and returns the result of each, in their '
    'order. Refusals: none';

REVOKE ALL ON FUNCTION wallet.decide_batch(
    wallet.account[], wallet.transfer_request[], bigint[], boolean[], text[]
) FROM PUBLIC;

COMMIT;
