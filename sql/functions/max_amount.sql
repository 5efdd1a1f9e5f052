-- Returns the largest amount, which is also the largest balance: 999999.99.
--
-- Every rule and every message takes it from here. PostgreSQL puts the value in place of the call
-- when it plans a statement, so asking costs nothing.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.max_amount();

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.max_amount()
RETURNS numeric
LANGUAGE sql
IMMUTABLE
AS $$
SELECT 999999.99
$$;

COMMENT ON FUNCTION wallet.max_amount() IS
    'Returns the largest amount, which is also the largest balance: 999999.99. Refusals: none';

REVOKE ALL ON FUNCTION wallet.max_amount() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.max_amount() TO wallet_app, wallet_reader;

COMMIT;
