-- Finds queued transfers that have more than one state.
--
-- A part of wallet.audit(). With NULL it checks every account.
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   two_results           what is pending has failed or succeeded too, or what failed succeeded
--
--   SELECT * FROM wallet.audit_queue(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_queue(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT 'two_results', NULL::bigint, q.id,
           'it is ' || string_agg(q.state, ' and ' ORDER BY q.state)
    FROM (
        SELECT p.id, 'pending', p.source_account_id, p.target_account_id
        FROM wallet.pending_transfer p
        UNION ALL
        SELECT f.id, 'failed', f.source_account_id, f.target_account_id
        FROM wallet.failed_transfer f
        UNION ALL
        SELECT t.id, 'succeeded', t.source_account_id, t.target_account_id
        FROM wallet.transaction t
        WHERE EXISTS (SELECT FROM wallet.pending_transfer p WHERE p.id = t.id)
           OR EXISTS (SELECT FROM wallet.failed_transfer f WHERE f.id = t.id)
    ) AS q (id, state, source_account_id, target_account_id)
    WHERE audit_queue.account_id IS NULL
       OR audit_queue.account_id IN (q.source_account_id, q.target_account_id)
    GROUP BY q.id
    HAVING count(*) > 1;
END
$$;

COMMENT ON FUNCTION wallet.audit_queue(bigint) IS
    'Finds queued transfers that have more than one state. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_queue(bigint) FROM PUBLIC;

COMMIT;
