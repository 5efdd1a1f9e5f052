-- Raises an error unless a page size is 1 to 1000.
--
-- For the functions that return pages; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for any other page size.
--
--   SELECT wallet.check_page_size(50);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_page_size(page_size int)
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    IF (check_page_size.page_size BETWEEN 1 AND 1000) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid page size',
            DETAIL = format('The page size is %s.', coalesce(page_size::text, 'NULL')),
            HINT = 'Give a page size of 1 to 1000.';
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.check_page_size(int) IS
    'Raises an error unless a page size is 1 to 1000. '
    'Refusals: none of class WL; 22023 for any other page size';

REVOKE ALL ON FUNCTION wallet.check_page_size(int) FROM PUBLIC;

COMMIT;
