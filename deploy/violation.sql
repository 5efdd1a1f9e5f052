-- Deploy pgwallet:violation to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.violation AS (
    violation text,
    account_id bigint,
    transaction_id bigint,
    detail text
);

COMMENT ON TYPE wallet.violation IS
    'What an audit finds: the kind of damage, the account or transaction it is in, and the data';

COMMIT;
