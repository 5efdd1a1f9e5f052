-- Finds reversals that are not the mirror of what they reverse.
--
-- A part of wallet.audit(). With NULL it checks every account.
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   reversal_orphan        one of its two transactions is not there
--   reversal_mismatch      it does not move the same amount back between the same accounts
--   reversal_before        it does not come after what it reverses
--   reversal_of_reversal   what it reverses is a reversal itself
--   reversed_twice         another one reverses the same transaction
--
--   SELECT * FROM wallet.audit_reversals(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_reversals(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    WITH reversal AS MATERIALIZED (
        SELECT r.transaction_id, r.reverses FROM wallet.reversal r
    ),
    named AS MATERIALIZED (
        SELECT t.id, t.amount, t.source_account_id, t.target_account_id
        FROM wallet.transaction t
        WHERE t.id IN (SELECT r.transaction_id FROM reversal r
                       UNION ALL SELECT r.reverses FROM reversal r)
    )
    SELECT v.violation, NULL::bigint, r.transaction_id, v.detail
    FROM reversal r
    LEFT JOIN named t ON t.id = r.transaction_id
    LEFT JOIN named o ON o.id = r.reverses
    CROSS JOIN LATERAL (VALUES
        ('reversal_orphan', CASE WHEN t.id IS NULL OR o.id IS NULL
            THEN format('transaction %s is not there',
                        CASE WHEN t.id IS NULL THEN r.transaction_id ELSE r.reverses END) END),
        ('reversal_mismatch', CASE WHEN t.id IS NOT NULL AND o.id IS NOT NULL
                AND (t.amount, t.source_account_id, t.target_account_id)
                IS DISTINCT FROM (o.amount, o.target_account_id, o.source_account_id)
            THEN format('%s from %s to %s does not take %s from %s to %s back',
                        t.amount, t.source_account_id, t.target_account_id,
                        o.amount, o.source_account_id, o.target_account_id) END),
        ('reversal_before', CASE WHEN t.id <= o.id
            THEN format('transaction %s comes later', r.reverses) END),
        ('reversal_of_reversal', CASE WHEN EXISTS (
                SELECT FROM reversal p WHERE p.transaction_id = r.reverses)
            THEN format('transaction %s is a reversal', r.reverses) END),
        ('reversed_twice', CASE WHEN EXISTS (
                SELECT FROM reversal p
                WHERE p.reverses = r.reverses AND p.transaction_id < r.transaction_id)
            THEN format('transaction %s was reversed before', r.reverses) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
      AND (audit_reversals.account_id IS NULL
           OR audit_reversals.account_id IN (t.source_account_id, t.target_account_id,
                                             o.source_account_id, o.target_account_id));
END
$$;

COMMENT ON FUNCTION wallet.audit_reversals(bigint) IS
    'Finds reversals that are not the mirror of what they reverse. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_reversals(bigint) FROM PUBLIC;

COMMIT;
