-- Returns the version of the schema: that of the service that goes with it.
--
-- Locks: nothing.
-- Refusals: none.
--
--   SELECT wallet.version();

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.version()
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
SELECT '0.5.0'
$$;

COMMENT ON FUNCTION wallet.version() IS
    'Returns the version of the schema: that of the service that goes with it. Refusals: none';

REVOKE ALL ON FUNCTION wallet.version() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.version() TO wallet_app, wallet_reader;

COMMIT;
