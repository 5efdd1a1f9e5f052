-- Finds limits that an account was not given, and entries beyond those that were in force.
--
-- A part of wallet.audit(). With NULL it checks every account. The entries of an account
-- whose limits never changed are for audit_entries().
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   limit_mismatch        the account's limits are not those that it was given last
--   balance_out_of_range  the balance after an entry is not within the limits in force then
--
--   SELECT * FROM wallet.audit_limits(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_limits(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    -- Which limits were in force, and for the entries after which one up to which one.
    WITH change (account_id, after, until, minimum, maximum) AS MATERIALIZED (
        SELECT c.account_id, c.entry::bigint, lead(c.entry::bigint) OVER (
                   PARTITION BY c.account_id ORDER BY c.entry, c.id),
               c.minimum::numeric, c.maximum::numeric
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        UNION ALL
        SELECT c.account_id, 0, min(c.entry::bigint), 0.00, wallet.max_amount()
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        GROUP BY c.account_id
    ),
    entry AS MATERIALIZED (
        SELECT e.account_id, e.transaction_id, e.entry, e.balance FROM wallet.entry e
        WHERE e.account_id IN (SELECT f.account_id FROM change f)
    )
    SELECT 'limit_mismatch', a.id, NULL::bigint,
           format('the limits are %s and %s, the account was given %s and %s',
                  a.minimum, a.maximum, coalesce(l.minimum, 0.00),
                  coalesce(l.maximum, wallet.max_amount()))
    FROM wallet.account a
    LEFT JOIN (
        SELECT DISTINCT ON (c.account_id) c.account_id, c.minimum, c.maximum
        FROM wallet.limit_change c
        WHERE audit_limits.account_id IS NULL OR c.account_id = audit_limits.account_id
        ORDER BY c.account_id, c.entry DESC, c.id DESC
    ) l ON l.account_id = a.id
    WHERE (audit_limits.account_id IS NULL OR a.id = audit_limits.account_id)
      AND (a.minimum <> coalesce(l.minimum, 0.00)
           OR a.maximum <> coalesce(l.maximum, wallet.max_amount()))
    UNION ALL
    SELECT 'balance_out_of_range', e.account_id, e.transaction_id,
           format('the balance after entry %s is %s, and was to be %s to %s',
                  e.entry, e.balance, f.minimum, f.maximum)
    FROM change f
    JOIN entry e ON e.account_id = f.account_id
        AND e.entry > f.after AND (f.until IS NULL OR e.entry <= f.until)
    WHERE e.balance NOT BETWEEN f.minimum AND f.maximum;
END
$$;

COMMENT ON FUNCTION wallet.audit_limits(bigint) IS
    'Finds limits that an account was not given, and entries beyond those that were in force. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_limits(bigint) FROM PUBLIC;

COMMIT;
