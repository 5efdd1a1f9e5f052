-- Returns a transaction and its state: pending, succeeded or failed.
--
-- get_transaction() knows only those that succeeded; this function knows queued transfers too.
--
-- Locks: nothing.
-- Refusals: WL005 transaction_not_found.
--
--   SELECT * FROM wallet.get_transfer_result(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_transfer_result(id bigint)
RETURNS wallet.transfer_result
LANGUAGE plpgsql
-- STABLE, so that both statements see one snapshot and miss nothing that changes its table.
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.transfer_result;
BEGIN
    SELECT t.id, t.source_account_id, t.target_account_id, t.amount::numeric, t.ctime,
           t.source_entry::bigint, t.target_entry::bigint, t.source_balance::numeric,
           t.target_balance::numeric, t.actor::text, 'succeeded', NULL, NULL, NULL, NULL
    INTO v_result
    FROM wallet.transaction t WHERE t.id = get_transfer_result.id;

    IF NOT FOUND THEN
        SELECT p.id, p.source_account_id, p.target_account_id, p.amount::numeric, p.ctime,
               NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, p.actor::text, 'pending',
               NULL, NULL, NULL, NULL
        INTO v_result
        FROM wallet.pending_transfer p WHERE p.id = get_transfer_result.id
        UNION ALL
        SELECT f.id, f.source_account_id, f.target_account_id, f.amount::numeric, f.ctime, NULL,
               NULL, NULL, NULL, f.actor::text, 'failed', f.sqlstate, f.message, f.detail, f.hint
        FROM wallet.failed_transfer f WHERE f.id = get_transfer_result.id;
    END IF;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL005', get_transfer_result.id));
    END IF;

    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.get_transfer_result(bigint) IS
    'Returns a transaction and its state: pending, succeeded or failed. '
    'Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.get_transfer_result(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_transfer_result(bigint) TO wallet_app, wallet_reader;

COMMIT;
