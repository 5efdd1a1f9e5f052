-- Deploy pgwallet:transfer_request to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.transfer_request AS (
    source_account_id bigint,
    target_account_id bigint,
    amount numeric
);

COMMENT ON TYPE wallet.transfer_request IS
    'What a transfer is asked for with, where many are: as text ''(1,2,5.00)''';

COMMIT;
