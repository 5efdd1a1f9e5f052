-- Deploy pgwallet:statement_line to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.statement_line AS (
    entry bigint,
    transaction_id bigint,
    kind text,
    counterparty_account_id bigint,
    amount numeric,
    balance numeric,
    ctime timestamptz
);

COMMENT ON TYPE wallet.statement_line IS
    'An entry of an account as its owner sees it. kind is deposit, withdrawal, transfer_in, '
    'transfer_out or reversal; amount has a sign; balance is the one after it';

COMMIT;
