-- Leaves the requests that need a locked account out of a group, and returns all claims anew.
--
-- It locks every account of `ids` that nobody else holds, and waits for none. The keys of the
-- requests that it leaves out are free again, and other requests with such a key are left out for
-- the key. For run_group(); nobody else may execute it.
--
-- Locks: the accounts' rows that are free, until the caller's transaction ends.
-- Refusals: none.
--
--   SELECT wallet.leave_out_locked('{"(transfer,1,2,5,,ada,,)"}', '{"(run,,)"}', ids => '{1,2}');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.leave_out_locked(
    requests wallet.group_request[], claims wallet.claim[], ids bigint[]
)
RETURNS wallet.claim[]
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_free bigint[];
    v_locked bigint[];
    v_claims wallet.claim[];
    v_actors text[];
    v_freed text[];
BEGIN
    v_free := ARRAY(
        SELECT a.id FROM wallet.account a WHERE a.id = ANY (leave_out_locked.ids)
        ORDER BY a.id FOR NO KEY UPDATE SKIP LOCKED);
    v_locked := ARRAY(
        SELECT a.id FROM wallet.account a
        WHERE a.id = ANY (leave_out_locked.ids) AND a.id <> ALL (v_free));

    v_claims := ARRAY(
        SELECT ROW(CASE WHEN l.id IS NULL THEN r.state ELSE 'locked' END, r.transaction_id, l.id)
               ::wallet.claim
        FROM unnest(leave_out_locked.requests, leave_out_locked.claims) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, state, transaction_id, locked_account_id, place)
        LEFT JOIN LATERAL (
            SELECT min(u.id) FROM unnest(v_locked) AS u (id)
            WHERE u.id IN (r.source_account_id, r.target_account_id) AND r.state = 'run'
              AND (wallet.check_request(
                  r.source_account_id, r.target_account_id, r.amount)).sqlstate IS NULL
        ) AS l (id) ON true
        ORDER BY r.place);

    WITH freed AS (
        DELETE FROM wallet.idempotency_key k
        USING unnest(leave_out_locked.requests, v_claims) r
        WHERE r.locked_account_id IS NOT NULL
          AND k.actor = r.actor AND k.key = r.idempotency_key
          AND k.transaction_id = r.transaction_id
        RETURNING k.actor, k.key
    )
    SELECT array_agg(f.actor::text), array_agg(f.key::text) INTO v_actors, v_freed FROM freed f;
    RETURN ARRAY(
        SELECT ROW(CASE WHEN r.state IN ('replay', 'reused') AND EXISTS (
                   SELECT FROM unnest(v_actors, v_freed) AS f (actor, key)
                   WHERE f.actor = r.actor AND f.key = r.idempotency_key)
                   THEN 'locked' ELSE r.state END, r.transaction_id, r.locked_account_id)
               ::wallet.claim
        FROM unnest(leave_out_locked.requests, v_claims) WITH ORDINALITY AS r (
            operation, source_account_id, target_account_id, amount, idempotency_key, actor,
            reference, metadata, state, transaction_id, locked_account_id, place)
        ORDER BY r.place);
END
$$;

COMMENT ON FUNCTION wallet.leave_out_locked(
    wallet.group_request[], wallet.claim[], bigint[]
) IS
    'Leaves the requests that need a locked account out of a group, and returns all claims anew. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.leave_out_locked(
    wallet.group_request[], wallet.claim[], bigint[]
) FROM PUBLIC;

COMMIT;
