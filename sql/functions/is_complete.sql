-- Returns whether a transaction's sides go together: the rule of the table transaction.
--
-- Each side has its account, entry and balance, or none of them. There is one side at least, and
-- two sides are two accounts. It is a function for the same reason as is_within_limits(). Nobody
-- else may execute it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.is_complete(1, 1, 0.00, 2, 1, target_balance => 5.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.is_complete(
    source_account_id bigint, source_entry wallet.entry_number, source_balance wallet.balance,
    target_account_id bigint, target_entry wallet.entry_number, target_balance wallet.balance
)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    RETURN num_nulls(source_account_id, source_entry, source_balance) IN (0, 3)
        AND num_nulls(target_account_id, target_entry, target_balance) IN (0, 3)
        AND num_nulls(source_account_id, target_account_id) < 2
        AND source_account_id IS DISTINCT FROM target_account_id;
END
$$;

COMMENT ON FUNCTION wallet.is_complete(
    bigint, wallet.entry_number, wallet.balance, bigint, wallet.entry_number, wallet.balance
) IS
    'Returns whether a transaction''s sides go together: the rule of the table transaction. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.is_complete(
    bigint, wallet.entry_number, wallet.balance, bigint, wallet.entry_number, wallet.balance
) FROM PUBLIC;

COMMIT;
