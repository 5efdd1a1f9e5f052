-- Revert pgwallet:roles from pg
-- A role that another database of the cluster still uses stays.

BEGIN;

DO $$
BEGIN
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM wallet_app', current_database());
END
$$;

DO $$
BEGIN
    DROP ROLE IF EXISTS wallet_app;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'role wallet_app stays: another database uses it';
END
$$;

DO $$
BEGIN
    DROP ROLE IF EXISTS wallet_owner;
EXCEPTION WHEN dependent_objects_still_exist THEN
    RAISE NOTICE 'role wallet_owner stays: another database uses it';
END
$$;

COMMIT;
