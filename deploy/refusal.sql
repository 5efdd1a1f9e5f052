-- Deploy pgwallet:refusal to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.refusal AS (
    sqlstate text,
    message text,
    detail text,
    hint text
);

COMMENT ON TYPE wallet.refusal IS
    'Why a call is refused: a SQLSTATE of class WL, fixed words, the data, and what to do';

COMMIT;
