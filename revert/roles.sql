-- Revert pgwallet:roles from pg

BEGIN;

DO $$
BEGIN
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM wallet_app, wallet_reader, wallet_owner',
                   current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$$;

-- A role that another database uses stays.
DO $$
DECLARE
    v_role name;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['wallet_reader', 'wallet_app', 'wallet_owner'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE IF EXISTS %I', v_role);
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
            RAISE NOTICE 'role % stays: %', v_role, SQLERRM;
        END;
    END LOOP;
END
$$;

COMMIT;
