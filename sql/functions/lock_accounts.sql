-- Locks accounts by ascending id, and returns them as they are once locked.
--
-- Ids that name no account are left out. For the functions that move money, which are SECURITY
-- DEFINER and pin the search_path; nobody else may execute it.
--
-- Locks: the accounts' rows, by ascending id, until the caller's transaction ends.
-- Refusals: none.
--
--   SELECT id, balance FROM wallet.lock_accounts(ARRAY[2, 1]);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.lock_accounts(ids bigint[])
RETURNS SETOF wallet.account
LANGUAGE sql
VOLATILE
AS $$
-- An id never changes, so the order of the sort is the order of the locks. A row that was waited
-- for is returned in its newest version.
SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen
FROM wallet.account a
WHERE a.id = ANY (lock_accounts.ids)
ORDER BY a.id
FOR NO KEY UPDATE
$$;

COMMENT ON FUNCTION wallet.lock_accounts(bigint[]) IS
    'Locks accounts by ascending id, and returns them as they are once locked. '
    'Refusals: none';

REVOKE ALL ON FUNCTION wallet.lock_accounts(bigint[]) FROM PUBLIC;

COMMIT;
