-- Returns what became of a transaction: whether it is pending, succeeded or failed.
--
-- get_transaction() knows only those that succeeded; this one knows those that were queued too.
--
-- Locks: nothing.
-- Refusals: WL005 transaction_not_found.
--
--   SELECT * FROM wallet.get_outcome(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_outcome(id bigint)
RETURNS wallet.outcome
LANGUAGE plpgsql
-- Both statements see one snapshot: what moves from one table to another is not missed.
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_outcome wallet.outcome;
    v_refusal wallet.refusal;
BEGIN
    SELECT t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime, t.source_entry,
           t.target_entry, t.source_balance, t.target_balance, 'succeeded', NULL, NULL, NULL, NULL
    INTO v_outcome
    FROM wallet.transaction t WHERE t.id = get_outcome.id;

    IF NOT FOUND THEN
        SELECT p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime, NULL::bigint,
               NULL::bigint, NULL::numeric, NULL::numeric, 'pending', NULL, NULL, NULL, NULL
        INTO v_outcome
        FROM wallet.pending_transfer p WHERE p.id = get_outcome.id
        UNION ALL
        SELECT f.id, f.source_account_id, f.target_account_id, f.amount, f.ctime, NULL,
               NULL, NULL, NULL, 'failed', f.sqlstate, f.message, f.detail, f.hint
        FROM wallet.failed_transfer f WHERE f.id = get_outcome.id;
    END IF;

    IF NOT FOUND THEN
        v_refusal := wallet.refusal('WL005', get_outcome.id);
        RAISE EXCEPTION USING ERRCODE = v_refusal.sqlstate, MESSAGE = v_refusal.message,
            DETAIL = v_refusal.detail, HINT = v_refusal.hint;
    END IF;

    RETURN v_outcome;
END
$$;

COMMENT ON FUNCTION wallet.get_outcome(bigint) IS
    'Returns what became of a transaction: whether it is pending, succeeded or failed. '
    'Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_outcome(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_outcome(bigint) TO wallet_app, wallet_reader;

COMMIT;
