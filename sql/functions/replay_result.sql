-- Returns the result that was kept under an idempotency key, as the first call returned it.
--
-- What was made is read by its id, since transactions never change. For the functions that take an
-- idempotency_key; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.replay_result(k) FROM wallet.idempotency_key k WHERE k.key = 'k-1';

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.replay_result(known wallet.idempotency_key)
RETURNS wallet.operation_result
LANGUAGE plpgsql
STABLE
AS $$
DECLARE
    v_ids bigint[] := (replay_result.known).transaction_ids;
    v_made wallet.transfer_result[];
    v_result wallet.operation_result;
BEGIN
    v_result.replayed := true;
    v_result.refusal := (replay_result.known).refusal;
    v_result.results := (replay_result.known).results;
    v_result.hold := (replay_result.known).hold;
    IF (replay_result.known).transaction_id IS NOT NULL THEN
        v_result.transaction := wallet.get_transaction((replay_result.known).transaction_id);
    ELSIF (replay_result.known).account_id IS NOT NULL THEN
        SELECT ROW(a.id, a.email, 0.00, a.ctime, a.ctime, 0, false, 0.00, 0.00,
                   wallet.max_amount())::wallet.account
        INTO v_result.account
        FROM wallet.account a WHERE a.id = (replay_result.known).account_id;
    ELSIF v_ids IS NOT NULL THEN
        SELECT array_agg(ROW(t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime,
                   t.source_entry, t.target_entry, t.source_balance, t.target_balance,
                   t.actor, 'succeeded', NULL, NULL, NULL, NULL)::wallet.transfer_result)
        INTO v_made FROM wallet.transaction t WHERE t.id = ANY (v_ids);
        -- The refused items are kept in their order, so the nth NULL is the nth of them.
        v_result.results := ARRAY(
            SELECT CASE WHEN i.id IS NULL THEN (replay_result.known).results[i.refused]
                ELSE m END
            FROM (
                SELECT u.id, u.place, count(*) FILTER (WHERE u.id IS NULL) OVER (ORDER BY u.place)
                FROM unnest(v_ids) WITH ORDINALITY AS u (id, place)
            ) AS i (id, place, refused)
            LEFT JOIN unnest(v_made) m ON m.id = i.id
            ORDER BY i.place);
    END IF;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.replay_result(wallet.idempotency_key) IS
    'Returns the result that was kept under an idempotency key, as the first call returned it. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.replay_result(wallet.idempotency_key) FROM PUBLIC;

COMMIT;
