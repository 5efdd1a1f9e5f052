-- Deploy pgwallet:reader to pg
-- requires: transaction

BEGIN;

DO $$
BEGIN
    IF to_regrole('wallet_reader') IS NULL THEN
        CREATE ROLE wallet_reader LOGIN;
        COMMENT ON ROLE wallet_reader IS
            'May read the tables, the views and what the reading functions return; '
            'has no password until one is set';
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

DO $$
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_reader', current_database());
END
$$;

SET LOCAL ROLE wallet_owner;

GRANT USAGE ON SCHEMA wallet TO wallet_reader;
GRANT SELECT ON wallet.account, wallet.transaction TO wallet_reader;

COMMIT;
