-- Returns a transaction in its state, when it was queued, what it reverses and what reversed it.
--
-- It is get_transfer_result() for who wants the whole story.
--
-- Locks: nothing.
-- Refusals:
--   WL005 transaction_not_found
--
--   SELECT d.state, d.reverses, d.reversed_by FROM wallet.describe_transaction(id => 1) d;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.describe_transaction(id bigint)
RETURNS TABLE (
    transaction_id bigint, source_account_id bigint, target_account_id bigint, amount numeric,
    ctime timestamptz, actor text, state text, reverses bigint, reversed_by bigint,
    queued_at timestamptz, sqlstate text, detail text
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT r.id, r.source_account_id, r.target_account_id, r.amount, r.ctime, r.actor, r.state,
           x.reverses, y.transaction_id,
           CASE WHEN r.state = 'pending' THEN r.ctime ELSE q.queued_at END, r.sqlstate, r.detail
    FROM wallet.get_transfer_result(describe_transaction.id) r
    LEFT JOIN wallet.reversal x ON x.transaction_id = r.id
    LEFT JOIN wallet.reversal y ON y.reverses = r.id
    LEFT JOIN wallet.queued_transfer q ON q.id = r.id;
END
$$;

COMMENT ON FUNCTION wallet.describe_transaction(bigint) IS
    'Returns a transaction in its state, when it was queued, what it reverses and what '
    'reversed it. '
    'Refusals: WL005 transaction_not_found';

REVOKE ALL ON FUNCTION wallet.describe_transaction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.describe_transaction(bigint) TO wallet_app, wallet_reader;

COMMIT;
