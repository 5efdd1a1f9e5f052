-- Finds entries that do not follow from the ones before, and accounts that do not match.
--
-- A part of wallet.audit(). With NULL it checks every account.
--
-- Locks: nothing.
-- Refusals: none. Finds:
--   entry_gap              an entry's number does not follow the one before
--   balance_chain          its balance is not the one before plus its amount
--   time_backwards         it is dated before the one before, or before the account was opened
--   orphan_entry           its account is not there
--   balance_mismatch       the account's balance is not that of its last entry
--   entry_count_mismatch   the account's entry_count is not the number of its last entry
--   mtime_mismatch         the account's mtime is not the ctime of its last entry, or its own ctime
--                          while it has none
--   balance_out_of_range   the account's balance is not within its limits; or that after an entry
--                          is not, and audit_limits() does not look at it
--
--   SELECT * FROM wallet.audit_entries(NULL);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.audit_entries(account_id bigint)
RETURNS SETOF wallet.violation
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    WITH chained AS (
        SELECT e.account_id, e.entry, e.transaction_id, e.amount, e.balance, e.ctime,
               coalesce(lag(e.entry) OVER along, 0) AS entry_before,
               coalesce(lag(e.balance) OVER along, 0.00) AS balance_before,
               lag(e.ctime) OVER along AS ctime_before,
               lead(e.transaction_id) OVER along IS NULL AS is_last
        FROM wallet.entry e
        WHERE audit_entries.account_id IS NULL OR e.account_id = audit_entries.account_id
        WINDOW along AS (PARTITION BY e.account_id ORDER BY e.entry, e.transaction_id)
    ),
    -- Few of the entries: one for each account, and those that are wrong.
    kept AS MATERIALIZED (
        SELECT c.account_id, c.entry, c.transaction_id, c.amount, c.balance, c.ctime,
               c.entry_before, c.balance_before, c.ctime_before, c.is_last
        FROM chained c
        WHERE c.is_last
           OR c.entry IS DISTINCT FROM c.entry_before + 1
           OR c.balance IS DISTINCT FROM c.balance_before + c.amount
           OR c.ctime < c.ctime_before
           OR c.entry = 1
           OR c.balance NOT BETWEEN 0.00 AND wallet.max_amount()
    ),
    account AS MATERIALIZED (
        SELECT b.id, b.balance, b.entry_count, b.ctime, b.mtime, b.minimum, b.maximum
        FROM wallet.account b
        WHERE audit_entries.account_id IS NULL OR b.id = audit_entries.account_id
    ),
    limited AS MATERIALIZED (
        SELECT DISTINCT c.account_id FROM wallet.limit_change c
        WHERE audit_entries.account_id IS NULL OR c.account_id = audit_entries.account_id
    )
    SELECT v.violation, coalesce(k.account_id, a.id), v.transaction_id, v.detail
    FROM kept k
    FULL JOIN account a ON a.id = k.account_id
    CROSS JOIN LATERAL (VALUES
        ('entry_gap', k.transaction_id, CASE WHEN k.entry IS DISTINCT FROM k.entry_before + 1
            THEN format('entry %s follows entry %s', k.entry, k.entry_before) END),
        ('balance_chain', k.transaction_id,
            CASE WHEN k.balance IS DISTINCT FROM k.balance_before + k.amount
            THEN format('%s and %s make %s, not %s', k.balance_before, k.amount,
                        k.balance_before + k.amount, k.balance) END),
        ('time_backwards', k.transaction_id, CASE WHEN k.ctime < coalesce(k.ctime_before, a.ctime)
            THEN format('%s is before %s', k.ctime, coalesce(k.ctime_before, a.ctime)) END),
        ('orphan_entry', k.transaction_id, CASE WHEN k.is_last AND a.id IS NULL
            THEN format('%s entries', k.entry) END),
        ('balance_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.balance <> coalesce(k.balance, 0.00)
            THEN format('the account holds %s, its last entry says %s', a.balance,
                        coalesce(k.balance, 0.00)) END),
        ('entry_count_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.entry_count <> coalesce(k.entry, 0)
            THEN format('the account counts %s entries, the last is %s', a.entry_count,
                        coalesce(k.entry, 0)) END),
        ('mtime_mismatch', k.transaction_id,
            CASE WHEN coalesce(k.is_last, true) AND a.mtime <> coalesce(k.ctime, a.ctime)
            THEN format('the account says %s, its last entry or its opening %s', a.mtime,
                        coalesce(k.ctime, a.ctime)) END),
        ('balance_out_of_range', k.transaction_id,
            CASE WHEN k.balance NOT BETWEEN 0.00 AND wallet.max_amount()
                AND NOT EXISTS (SELECT FROM limited c WHERE c.account_id = k.account_id)
            THEN format('the balance after entry %s is %s', k.entry, k.balance) END),
        ('balance_out_of_range', NULL,
            CASE WHEN coalesce(k.is_last, true) AND a.balance NOT BETWEEN a.minimum AND a.maximum
            THEN format('the account holds %s', a.balance) END)
    ) AS v (violation, transaction_id, detail)
    WHERE v.detail IS NOT NULL;
END
$$;

COMMENT ON FUNCTION wallet.audit_entries(bigint) IS
    'Finds entries that do not follow from the ones before, and accounts that do not match. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.audit_entries(bigint) FROM PUBLIC;

COMMIT;
