-- Returns the accounts of an email address or a reference, the oldest first, in pages.
--
-- An address is compared without regard to case, a reference as it is: the one that the account has
-- now. With both, it finds the accounts that have both. For the next page, pass the last id of this
-- page as `after`.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000. An address or a
-- reference without an account has no rows; nor has a call without either.
--
--   SELECT * FROM wallet.find_accounts('Ada@example.com', after => NULL, page_size => 50);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.find_accounts(
    email text DEFAULT NULL, after bigint DEFAULT NULL, page_size int DEFAULT 50,
    reference text DEFAULT NULL
)
RETURNS SETOF wallet.account
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    PERFORM wallet.check_page_size(find_accounts.page_size);

    IF find_accounts.reference IS NOT NULL THEN
        RETURN QUERY
        SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
               a.held, a.minimum, a.maximum
        FROM wallet.account_annotation n
        JOIN wallet.account a ON a.id = n.account_id
        WHERE n.reference = find_accounts.reference
          AND n.account_id > coalesce(find_accounts.after, 0)
          AND n.id = (SELECT max(m.id) FROM wallet.account_annotation m
                      WHERE m.account_id = n.account_id)
          AND (find_accounts.email IS NULL OR lower(a.email) = lower(find_accounts.email))
        ORDER BY n.account_id
        LIMIT find_accounts.page_size;
        RETURN;
    END IF;

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

COMMENT ON FUNCTION wallet.find_accounts(text, bigint, int, text) IS
    'Returns the accounts of an email address or a reference, the oldest first, in pages. '
    'Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000';

REVOKE ALL ON FUNCTION wallet.find_accounts(text, bigint, int, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.find_accounts(text, bigint, int, text)
    TO wallet_app, wallet_reader;

COMMIT;
