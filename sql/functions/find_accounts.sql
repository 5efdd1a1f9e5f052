-- Returns the accounts of an email address, without regard to case, the oldest first.
--
-- Locks: nothing.
-- Refusals: none; an address without an account has no rows.
--
--   SELECT * FROM wallet.find_accounts('Ada@example.com');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.find_accounts(email text)
RETURNS SETOF wallet.account
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen
    FROM wallet.account a
    WHERE lower(a.email) = lower(find_accounts.email)
    ORDER BY a.id;
END
$$;

COMMENT ON FUNCTION wallet.find_accounts(text) IS
    'Returns the accounts of an email address, without regard to case, the oldest first. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.find_accounts(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.find_accounts(text) TO wallet_app, wallet_reader;

COMMIT;
