-- Runs many requests as if one after another, and returns the result of each, in their order.
--
-- The requests are any mix of deposits, withdrawals and transfers, each with or without an
-- idempotency key, and each of an actor; NULL is session_user. The results are those of as many
-- single calls. A refusal is a result, and nothing is raised for it. For a service that has several
-- requests at hand: together they take one statement and one commit.
--
-- It waits for locks that somebody else holds for `wait` milliseconds at most; NULL takes the
-- session's lock_timeout, and 0 waits for ever. Then it leaves out the requests that need those
-- locks: nothing is done for them, and instead of a result they have the locked account's id, or
-- nothing at all when their key is locked.
--
-- Locks: the keys by actor and key, then all accounts that are named by ascending id, until the
-- caller's transaction ends.
-- Refusals: none of class WL; 22023 for a bad key, operation or annotation. All others are results.
--
--   SELECT * FROM wallet.run_group('{"(deposit,,1,5,,,,)", "(transfer,1,2,5,k,,,)"}', wait => 20);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_group(
    requests wallet.group_request[], wait int DEFAULT NULL
)
RETURNS SETOF wallet.group_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
-- One plan for any number of requests, made once a session: it finds keys and accounts by index.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
    v_began timestamptz := clock_timestamp();
    v_requests wallet.group_request[] := ARRAY(
        SELECT (r.operation, r.source_account_id, r.target_account_id, r.amount, r.idempotency_key,
            coalesce(r.actor, session_user), r.reference, r.metadata)::wallet.group_request
        FROM unnest(requests) r);
    v_claims wallet.claim[] := wallet.claim_keys(v_requests, run_group.wait);
    v_ids bigint[];
    v_accounts wallet.account[];
    v_run record;
    v_results wallet.transfer_result[];
BEGIN
    LOOP
        -- Refused arguments need no account.
        v_ids := ARRAY(
            SELECT i.id FROM unnest(v_requests, v_claims) r
            CROSS JOIN LATERAL (VALUES (r.source_account_id), (r.target_account_id)) AS i (id)
            WHERE r.state = 'run' AND (wallet.check_request(
                r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL);
        BEGIN
            v_accounts := wallet.lock_accounts(v_ids, CASE WHEN run_group.wait > 0 THEN greatest(1,
                run_group.wait - (extract(epoch FROM clock_timestamp() - v_began) * 1000)::int)
                ELSE run_group.wait END);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            -- The accounts of the requests that remain are locked after this.
            v_claims := wallet.leave_out_locked(v_requests, v_claims, v_ids);
        END;
    END LOOP;
    SELECT array_agg(r.transaction_id) AS ids, array_agg(r.operation <> 'transfer') AS outside,
           array_agg(ROW(r.source_account_id, r.target_account_id, r.amount)
                     ::wallet.transfer_request) AS transfers, array_agg(r.actor) AS actors,
           array_agg(r.reference) AS reference, array_agg(r.metadata) AS metadata
    INTO v_run FROM unnest(v_requests, v_claims) r WHERE r.state = 'run';
    v_results := wallet.decide_batch(
        v_accounts, v_run.transfers, v_run.ids, v_run.outside, v_run.actors);
    PERFORM wallet.write_batch(v_results, v_run.reference, v_run.metadata);
    IF EXISTS (SELECT FROM unnest(v_results) f WHERE f.state = 'failed') THEN
        -- What is refused made no transaction: its key keeps the refusal.
        UPDATE wallet.idempotency_key k
        SET transaction_id = NULL, refusal = ROW(f.sqlstate, f.message, f.detail, f.hint)
        FROM unnest(v_results) f JOIN unnest(v_requests, v_claims) r ON r.transaction_id = f.id
        WHERE f.state = 'failed' AND k.actor = r.actor AND k.key = r.idempotency_key
          AND k.transaction_id = f.id;
    END IF;

    RETURN QUERY
    SELECT r.state = 'replay',
           CASE WHEN f.state = 'succeeded' THEN ROW(f.id, f.source_account_id, f.target_account_id,
                   f.ctime, f.source_entry, f.target_entry, f.amount, f.source_balance,
                   f.target_balance, f.actor)::wallet.transaction
               ELSE (k.result).transaction END,
           CASE WHEN r.state = 'reused' THEN wallet.refusal('WL011') WHEN f.state = 'failed'
               THEN ROW(f.sqlstate, f.message, f.detail, f.hint)::wallet.refusal
               ELSE (k.result).refusal END,
           r.locked_account_id
    FROM (
        SELECT u.state, u.actor, u.idempotency_key, u.locked_account_id, u.ordinality,
               count(*) FILTER (WHERE u.state = 'run') OVER (ORDER BY u.ordinality) AS nth
        FROM unnest(v_requests, v_claims) WITH ORDINALITY u
    ) r
    LEFT JOIN unnest(v_results) WITH ORDINALITY f ON f.ordinality = r.nth AND r.state = 'run'
    -- A key that was claimed in this very group has its result by now.
    LEFT JOIN LATERAL (
        SELECT wallet.replay_result(u) FROM wallet.idempotency_key u
        WHERE u.actor = r.actor AND u.key = CASE r.state WHEN 'replay' THEN r.idempotency_key END
    ) AS k (result) ON true
    ORDER BY r.ordinality;
END
$$;

COMMENT ON FUNCTION wallet.run_group(wallet.group_request[], int) IS
    'Runs many requests as if one after another, and returns the result of each, in their order. '
    'Refusals: none of class WL; 22023 for a bad key, operation or annotation';

REVOKE ALL ON FUNCTION wallet.run_group(wallet.group_request[], int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.run_group(wallet.group_request[], int) TO wallet_app;

COMMIT;
