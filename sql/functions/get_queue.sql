-- Returns the first transfers of the queue, each with how many are pending and since when.
--
-- If nothing is pending, there is one row without a transfer. `oldest` is when the transfer was
-- queued that has been waiting longest.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000.
--
--   SELECT * FROM wallet.get_queue(page_size => 10);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_queue(page_size int DEFAULT 50)
RETURNS TABLE (
    pending bigint, oldest timestamptz, id bigint, source_account_id bigint,
    target_account_id bigint, amount numeric, ctime timestamptz
)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    PERFORM wallet.check_page_size(get_queue.page_size);

    RETURN QUERY
    SELECT s.pending, s.oldest, q.id, q.source_account_id, q.target_account_id,
           q.amount::numeric, q.ctime
    FROM (
        SELECT count(*) AS pending, min(p.ctime) AS oldest FROM wallet.pending_transfer p
    ) s
    LEFT JOIN (
        SELECT p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime
        FROM wallet.pending_transfer p ORDER BY p.id LIMIT get_queue.page_size
    ) q ON true
    ORDER BY q.id;
END
$$;

COMMENT ON FUNCTION wallet.get_queue(int) IS
    'Returns the first transfers of the queue, each with how many are pending and since when. '
    'Refusals: none of class WL; 22023 for a page_size that is not 1 to 1000';

REVOKE ALL ON FUNCTION wallet.get_queue(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_queue(int) TO wallet_app, wallet_reader;

COMMIT;
