-- Returns the accounts of an email address, without regard to case, the oldest first, in pages.
--
-- For the next page, pass the last id of this page as `after`.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000. An address without an
-- account has no rows.
--
--   SELECT * FROM wallet.find_accounts('Ada@example.com', after => NULL, page_size => 50);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.find_accounts(
    email text, after bigint DEFAULT NULL, page_size int DEFAULT 50
)
RETURNS SETOF wallet.account
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    PERFORM wallet.check_page_size(find_accounts.page_size);

    RETURN QUERY
    SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
           a.held, a.minimum, a.maximum
    FROM wallet.account a
    WHERE lower(a.email) = lower(find_accounts.email)
      AND a.id > coalesce(find_accounts.after, 0)
    ORDER BY a.id
    LIMIT find_accounts.page_size;
END
$$;

COMMENT ON FUNCTION wallet.find_accounts(text, bigint, int) IS
    'Returns the accounts of an email address, without regard to case, the oldest first, in pages. '
    'Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000';

REVOKE ALL ON FUNCTION wallet.find_accounts(text, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.find_accounts(text, bigint, int) TO wallet_app, wallet_reader;

COMMIT;
