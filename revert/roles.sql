-- Revert pgwallet:roles from pg
-- A role stays where another database of the cluster uses it, or where somebody else made it.

BEGIN;

DO $$
BEGIN
    EXECUTE format(
        'REVOKE CONNECT ON DATABASE %I FROM wallet_app, wallet_owner', current_database()
    );
END
$$;

DO $$
BEGIN
    DROP ROLE IF EXISTS wallet_app;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'role wallet_app stays: %', SQLERRM;
END
$$;

DO $$
BEGIN
    DROP ROLE IF EXISTS wallet_owner;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'role wallet_owner stays: %', SQLERRM;
END
$$;

COMMIT;
