-- Deploy pgwallet:schema to pg
-- requires: roles

BEGIN;

CREATE SCHEMA wallet AUTHORIZATION wallet_owner;
COMMENT ON SCHEMA wallet IS
    'Accounts, the transactions between them, and the functions that move money';

GRANT USAGE ON SCHEMA wallet TO wallet_app, wallet_reader;

-- Nobody may execute a new function until it is granted.
ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

COMMIT;
