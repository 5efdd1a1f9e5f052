-- Finds holds that do not match their accounts or their captures.
--
-- A part of wallet.audit(). With NULL it checks every account.
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   held_mismatch         what an account holds back is not what is left of its open holds
--   held_out_of_range     the balance, less what is held, is below the minimum; or it is below 0.00
--   captured_mismatch     what a hold says was captured is not the sum of its captures
--   capture_mismatch      a capture's transaction is not there, does not come from the hold's
--                         account, or is another hold's capture too
--   hold_state            a hold's state does not go with what was captured, it never expires, or
--                         its account is not there
--
--   SELECT * FROM wallet.audit_holds(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_holds(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    WITH hold AS MATERIALIZED (
        SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime
        FROM wallet.hold h
    ),
    account AS MATERIALIZED (
        SELECT a.id, a.balance, a.held, a.minimum FROM wallet.account a
        WHERE audit_holds.account_id IS NULL OR a.id = audit_holds.account_id
    ),
    capture AS MATERIALIZED (SELECT c.hold_id, c.transaction_id FROM wallet.hold_capture c),
    taken AS MATERIALIZED (
        SELECT t.id, t.source_account_id, t.amount FROM wallet.transaction t
        WHERE t.id IN (SELECT c.transaction_id FROM capture c)
    )
    SELECT v.violation, a.id, NULL::bigint, v.detail
    FROM account a
    LEFT JOIN (
        SELECT h.account_id, sum(h.amount - h.captured)
        FROM hold h
        WHERE h.state = 'held'
          AND (audit_holds.account_id IS NULL OR h.account_id = audit_holds.account_id)
        GROUP BY h.account_id
    ) AS o (account_id, held) ON o.account_id = a.id
    CROSS JOIN LATERAL (VALUES
        ('held_mismatch', CASE WHEN a.held <> coalesce(o.held, 0.00)
            THEN format('%s is held, the open holds have %s left', a.held,
                        coalesce(o.held, 0.00)) END),
        ('held_out_of_range', CASE WHEN a.held < 0
                OR a.held > 0 AND a.held > a.balance - a.minimum
            THEN format('%s is held of %s, and the minimum is %s', a.held, a.balance,
                        a.minimum) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
    UNION ALL
    SELECT v.violation, h.account_id, NULL, v.detail
    FROM hold h
    LEFT JOIN account a ON a.id = h.account_id
    LEFT JOIN (
        SELECT c.hold_id, sum(t.amount)
        FROM capture c JOIN taken t ON t.id = c.transaction_id
        GROUP BY c.hold_id
    ) AS s (hold_id, amount) ON s.hold_id = h.id
    CROSS JOIN LATERAL (VALUES
        ('captured_mismatch', CASE WHEN h.captured <> coalesce(s.amount, 0.00)
            THEN format('hold %s says %s, its captures took %s', h.id, h.captured,
                        coalesce(s.amount, 0.00)) END),
        ('hold_state', CASE WHEN h.captured NOT BETWEEN 0.00 AND h.amount
                OR h.state IN ('held', 'released', 'expired') AND h.captured >= h.amount
                OR h.state = 'captured' AND h.captured = 0
                OR h.expires_at NOT BETWEEN h.ctime AND h.ctime + interval '367 days'
                OR a.id IS NULL
            THEN format('hold %s is %s with %s of %s captured, made %s, expires %s', h.id, h.state,
                        h.captured, h.amount, h.ctime, h.expires_at) END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
      AND (audit_holds.account_id IS NULL OR h.account_id = audit_holds.account_id)
    UNION ALL
    SELECT 'capture_mismatch', coalesce(h.account_id, t.source_account_id), c.transaction_id,
           format('it is said to capture hold %s', c.hold_id)
    FROM capture c
    LEFT JOIN hold h ON h.id = c.hold_id
    LEFT JOIN taken t ON t.id = c.transaction_id
    WHERE (t.source_account_id IS DISTINCT FROM h.account_id OR h.id IS NULL OR t.id IS NULL
           OR EXISTS (SELECT FROM capture d
                      WHERE d.transaction_id = c.transaction_id AND d.hold_id <> c.hold_id))
      AND (audit_holds.account_id IS NULL
           OR audit_holds.account_id = coalesce(h.account_id, t.source_account_id));
END
$$;

COMMENT ON FUNCTION wallet.audit_holds(bigint) IS
    'Finds holds that do not match their accounts or their captures. Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_holds(bigint) FROM PUBLIC;

COMMIT;
