-- Finds transactions that could not have been made, and money from nowhere.
--
-- A part of wallet.audit(). With NULL it checks every account.
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   amount_out_of_range    the amount is not 0.01 to 999999.99
--   same_account           source and target are one account
--   incomplete             no account, or an account without its entry or balance
--   sum_mismatch           the balances are not deposits minus withdrawals; whole ledger only
--
--   SELECT * FROM wallet.audit_transactions(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_transactions(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    WITH suspect AS MATERIALIZED (
        SELECT t.id, t.amount, t.source_account_id, t.source_entry, t.source_balance,
               t.target_account_id, t.target_entry, t.target_balance
        FROM wallet.transaction t
        WHERE (audit_transactions.account_id IS NULL
               OR t.source_account_id = audit_transactions.account_id
               OR t.target_account_id = audit_transactions.account_id)
          AND (t.amount NOT BETWEEN 0.01 AND wallet.max_amount()
               OR t.source_account_id = t.target_account_id
               OR num_nulls(t.source_account_id, t.source_entry, t.source_balance) NOT IN (0, 3)
               OR num_nulls(t.target_account_id, t.target_entry, t.target_balance) NOT IN (0, 3)
               OR coalesce(t.source_account_id, t.target_account_id) IS NULL)
    )
    SELECT v.violation, NULL::bigint, t.id, v.detail
    FROM suspect t
    CROSS JOIN LATERAL (VALUES
        ('amount_out_of_range', CASE WHEN t.amount NOT BETWEEN 0.01 AND wallet.max_amount()
            THEN format('the amount is %s', t.amount) END),
        ('same_account', CASE WHEN t.source_account_id = t.target_account_id
            THEN format('account %s on both sides', t.source_account_id) END),
        ('incomplete', CASE
            WHEN num_nulls(t.source_account_id, t.source_entry, t.source_balance) % 3
                + num_nulls(t.target_account_id, t.target_entry, t.target_balance) % 3 > 0
                OR coalesce(t.source_account_id, t.target_account_id) IS NULL
            THEN 'an account, its entry or the balance after it is missing' END)
    ) AS v (violation, detail)
    WHERE v.detail IS NOT NULL
    UNION ALL
    SELECT 'sum_mismatch', NULL, NULL,
           format('the balances add up to %s, deposits minus withdrawals to %s', b.sum, o.sum)
    FROM (SELECT coalesce(sum(a.balance), 0.00) FROM wallet.account a) AS b (sum),
         (SELECT coalesce(sum(CASE WHEN t.source_account_id IS NULL
                              THEN t.amount ELSE -t.amount END), 0.00)
          FROM wallet.transaction t
          WHERE t.source_account_id IS NULL OR t.target_account_id IS NULL) AS o (sum)
    WHERE audit_transactions.account_id IS NULL AND b.sum <> o.sum;
END
$$;

COMMENT ON FUNCTION wallet.audit_transactions(bigint) IS
    'Finds transactions that could not have been made, and money from nowhere. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_transactions(bigint) FROM PUBLIC;

COMMIT;
