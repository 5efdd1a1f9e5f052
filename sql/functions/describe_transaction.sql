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
    v_detail wallet.transaction_detail;
BEGIN
    SELECT r.id, r.source_account_id, r.target_account_id, r.amount, r.ctime, r.actor, r.state,
           x.reverses, y.transaction_id,
           CASE WHEN r.state = 'pending' THEN r.ctime ELSE q.queued_at END, r.sqlstate, r.detail,
           n.reference::text, n.metadata::jsonb
    INTO v_detail
    FROM wallet.get_transfer_result(describe_transaction.id) r
    LEFT JOIN wallet.reversal x ON x.transaction_id = r.id
    LEFT JOIN wallet.reversal y ON y.reverses = r.id
    LEFT JOIN wallet.queued_transfer q ON q.id = r.id
    LEFT JOIN wallet.transaction_annotation n ON n.transaction_id = r.id;

    RETURN v_detail;
END
$$;

COMMENT ON FUNCTION wallet.describe_transaction(bigint) IS
    'Returns a transaction in its state, with when it was queued, its reversals and its '
    'annotation. Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.describe_transaction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.describe_transaction(bigint) TO wallet_app, wallet_reader;

COMMIT;
