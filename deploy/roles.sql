-- Deploy pgwallet:roles to pg

-- Roles belong to the cluster, not to the database. Another wallet database on the same server may
-- have made them already, or may be making them at this moment. Where they exist, this script needs
-- no right to make roles, only membership in wallet_owner.

BEGIN;

DO $$
BEGIN
    IF to_regrole('wallet_owner') IS NULL THEN
        CREATE ROLE wallet_owner NOLOGIN;
        COMMENT ON ROLE wallet_owner IS
            'Owns everything in schema wallet; cannot log in';
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    IF to_regrole('wallet_app') IS NULL THEN
        CREATE ROLE wallet_app LOGIN CONNECTION LIMIT 80;
        ALTER ROLE wallet_app SET idle_in_transaction_session_timeout = '1min';
        COMMENT ON ROLE wallet_app IS
            'May execute the wallet functions and touch no table; has no password until one is set';
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    IF to_regrole('wallet_reader') IS NULL THEN
        CREATE ROLE wallet_reader LOGIN CONNECTION LIMIT 15;
        ALTER ROLE wallet_reader SET idle_in_transaction_session_timeout = '1min';
        COMMENT ON ROLE wallet_reader IS
            'May read tables, views and reading functions; has no password until one is set';
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

-- A deployer who is no superuser must be a member to create objects that wallet_owner owns. From
-- PostgreSQL 16 on, a membership may come without the right to use it or to SET ROLE.
DO $$
DECLARE
    v_options boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    IF NOT pg_has_role(current_user, 'wallet_owner', 'USAGE')
        OR NOT pg_has_role(
            current_user, 'wallet_owner', CASE WHEN v_options THEN 'SET' ELSE 'MEMBER' END
        )
    THEN
        EXECUTE 'GRANT wallet_owner TO CURRENT_USER'
            || CASE WHEN v_options THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
    END IF;

    -- wallet_owner does not log in. It is named here so that a revert in another database cannot
    -- drop it: PostgreSQL drops no role that has a privilege on some database.
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_app, wallet_reader, wallet_owner',
                   current_database());
    -- A new database lets everybody connect and make temporary tables.
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

COMMIT;
