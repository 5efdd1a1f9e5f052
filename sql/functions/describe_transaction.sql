-- Returns a transaction in its state, with when it was queued, its reversals and its annotation.
--
-- It is get_transfer_result() for who wants the whole story: the annotation is the reference and
-- metadata that its caller gave.
--
-- Locks: nothing.
-- Refusals:
--   WL005 transaction_not_found
--
--   SELECT d.state, d.reverses, d.reversed_by FROM wallet.describe_transaction(id => 1) d;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.describe_transaction(id bigint)
RETURNS wallet.transaction_detail
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.transfer_result := wallet.get_transfer_result(describe_transaction.id);
    v_detail wallet.transaction_detail;
BEGIN
    SELECT v_result.id, v_result.source_account_id, v_result.target_account_id, v_result.amount,
           v_result.ctime, v_result.actor, v_result.state,
           (SELECT r.reverses FROM wallet.reversal r
            WHERE r.transaction_id = describe_transaction.id),
           (SELECT r.transaction_id FROM wallet.reversal r
            WHERE r.reverses = describe_transaction.id),
           CASE WHEN v_result.state = 'pending' THEN v_result.ctime
                ELSE (SELECT q.queued_at FROM wallet.queued_transfer q
                      WHERE q.id = describe_transaction.id) END,
           v_result.sqlstate, v_result.detail, n.reference::text, n.metadata::jsonb
    INTO v_detail
    FROM (VALUES (1)) AS one (row)
    LEFT JOIN wallet.transaction_annotation n ON n.transaction_id = describe_transaction.id;

    RETURN v_detail;
END
$$;

COMMENT ON FUNCTION wallet.describe_transaction(bigint) IS
    'Returns a transaction in its state, with when it was queued, its reversals and its '
    'annotation. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.describe_transaction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.describe_transaction(bigint) TO wallet_app, wallet_reader;

COMMIT;
