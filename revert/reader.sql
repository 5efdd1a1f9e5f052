-- Revert pgwallet:reader from pg

BEGIN;

REVOKE SELECT ON wallet.account, wallet.transaction FROM wallet_reader;
REVOKE USAGE ON SCHEMA wallet FROM wallet_reader;

DO $$
BEGIN
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM wallet_reader', current_database());
END
$$;

-- It stays where another database of the cluster uses it, or where somebody else made it.
DO $$
BEGIN
    DROP ROLE IF EXISTS wallet_reader;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'role wallet_reader stays: %', SQLERRM;
END
$$;

COMMIT;
