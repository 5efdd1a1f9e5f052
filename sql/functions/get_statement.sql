-- Returns a page of an account's statement, the newest entry first.
--
-- Entries are numbered without a gap, so a page is a range of numbers, and page 10 000 costs as
-- much as page 1. For the next page, pass the last entry of this page as `before`; entry 1 is the
-- last.
--
-- Locks: nothing.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  page_size is not 1 to 1000
--   WL004 account_not_found
--
--   SELECT * FROM wallet.get_statement(account_id => 1, before => 51, page_size => 50);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_statement(
    account_id bigint, before bigint DEFAULT NULL, page_size int DEFAULT 50
)
RETURNS SETOF wallet.statement_line
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account;
    v_last bigint;
BEGIN
    PERFORM wallet.check_page_size(get_statement.page_size);
    v_account := wallet.get_account(get_statement.account_id);
    -- Bounded first, because `before` may be any bigint, and arithmetic on it could overflow.
    v_last := greatest(least(get_statement.before, v_account.entry_count + 1), 1) - 1;

    RETURN QUERY
    SELECT e.entry, e.transaction_id,
           CASE WHEN r.transaction_id IS NOT NULL THEN 'reversal'
                WHEN e.counterparty_account_id IS NULL AND e.amount > 0 THEN 'deposit'
                WHEN e.counterparty_account_id IS NULL THEN 'withdrawal'
                WHEN e.amount > 0 THEN 'transfer_in'
                ELSE 'transfer_out' END,
           e.counterparty_account_id, e.amount, e.balance, e.ctime
    FROM wallet.entry e
    LEFT JOIN wallet.reversal r ON r.transaction_id = e.transaction_id
    WHERE e.account_id = get_statement.account_id
      AND e.entry > v_last - get_statement.page_size
      AND e.entry <= v_last
    ORDER BY e.entry DESC;
END
$$;

COMMENT ON FUNCTION wallet.get_statement(bigint, bigint, int) IS
    'Returns a page of an account''s statement, the newest entry first. '
    'Refusals: 22023 for a page size that is not 1 to 1000, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_statement(bigint, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_statement(bigint, bigint, int) TO wallet_app, wallet_reader;

COMMIT;
