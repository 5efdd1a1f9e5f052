-- Returns a page of an account's holds, the newest first.
--
-- For the next page, pass the last id of this page as `before`.
--
-- Locks: nothing.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  page_size is not 1 to 1000
--   WL004 account_not_found
--
--   SELECT * FROM wallet.get_holds(account_id => 1, before => NULL, page_size => 50);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_holds(
    account_id bigint, before bigint DEFAULT NULL, page_size int DEFAULT 50
)
RETURNS SETOF wallet.hold
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    PERFORM wallet.check_page_size(get_holds.page_size);
    PERFORM wallet.get_account(get_holds.account_id);

    RETURN QUERY
    SELECT h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    FROM wallet.hold h
    WHERE h.account_id = get_holds.account_id
      AND (get_holds.before IS NULL OR h.id < get_holds.before)
    ORDER BY h.id DESC
    LIMIT get_holds.page_size;
END
$$;

COMMENT ON FUNCTION wallet.get_holds(bigint, bigint, int) IS
    'Returns a page of an account''s holds, the newest first. '
    'Refusals: 22023 for a page size that is not 1 to 1000, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_holds(bigint, bigint, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_holds(bigint, bigint, int) TO wallet_app, wallet_reader;

COMMIT;
