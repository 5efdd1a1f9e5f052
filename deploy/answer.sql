-- Deploy pgwallet:answer to pg
-- requires: refusal
-- requires: account
-- requires: transaction
-- requires: frozen

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TYPE wallet.answer AS (
    replayed boolean,
    account wallet.account,
    transaction wallet.transaction,
    refusal wallet.refusal
);

COMMENT ON TYPE wallet.answer IS
    'What a request with an idempotency key came to: the account or transaction that it made, or '
    'the refusal; replayed is true if that happened when the key was first used';

COMMIT;
