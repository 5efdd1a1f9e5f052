-- Returns the sessions that wait for an account, the longest wait first, and whom they wait for.
--
-- It shows wallet.account_wait without the text of queries: at most 100 sessions.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT * FROM wallet.get_account_waits();

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_account_waits()
RETURNS TABLE (
    account_id bigint, pid int, role name, waiting interval, blocked_by int[]
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT w.account_id, w.pid, w.role, w.waiting, w.blocked_by
    FROM wallet.account_wait w ORDER BY w.waiting DESC LIMIT 100;
END
$$;

COMMENT ON FUNCTION wallet.get_account_waits() IS
    'Returns the sessions that wait for an account, the longest wait first, and whom they wait '
    'for. Refusals: none';

REVOKE ALL ON FUNCTION wallet.get_account_waits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_account_waits() TO wallet_app, wallet_reader;

COMMIT;
