-- Deploy pgwallet:roles to pg
-- Roles belong to the cluster, not to the database: another wallet database on the same server may
-- have made them already, perhaps at this very moment.

BEGIN;

DO $$
BEGIN
    CREATE ROLE wallet_owner NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    CREATE ROLE wallet_app LOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

COMMENT ON ROLE wallet_owner IS 'Owns everything in schema wallet; cannot log in';
COMMENT ON ROLE wallet_app IS 'May execute the wallet functions and touch no table; '
    'has no password until one is set';

-- A deployer who is no superuser must be a member to create objects that wallet_owner owns.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'wallet_owner', 'USAGE') THEN
        GRANT wallet_owner TO CURRENT_USER;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_app', current_database());
END
$$;

COMMIT;
