-- Deploy pgwallet:outcome to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.outcome AS (
    id bigint,
    source_account_id bigint,
    target_account_id bigint,
    amount numeric,
    ctime timestamptz,
    source_entry bigint,
    target_entry bigint,
    source_balance numeric,
    target_balance numeric,
    state text,
    sqlstate text,
    message text,
    detail text,
    hint text
);

COMMENT ON TYPE wallet.outcome IS
    'What became of a transaction. state is pending, succeeded or failed; ctime is when it came '
    'into that state. Only one that succeeded has entries and balances, only one that failed has '
    'sqlstate, message, detail and hint: the refusal';

COMMIT;
