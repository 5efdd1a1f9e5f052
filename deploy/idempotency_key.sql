-- Deploy pgwallet:idempotency_key to pg
-- requires: types

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A row holds a hash of the request and the ids of what it made: transactions never change, so a
-- retry reads them. A refusal is kept as it is. Money moves in one INSERT here, without an UPDATE.
CREATE TABLE wallet.idempotency_key (
    actor wallet.actor NOT NULL,
    key wallet.idempotency_key_text NOT NULL,
    request_hash bytea NOT NULL,
    ctime timestamptz NOT NULL,
    transaction_id bigint,
    account_id bigint,
    transaction_ids bigint[],
    results wallet.transfer_result[],
    refusal wallet.refusal,
    hold wallet.hold,
    -- A key belongs to who brought it: another actor's is another key.
    PRIMARY KEY (actor, key)
);

-- Purging reads by age. Keys come in the order of time, so a few pages of summary are enough.
CREATE INDEX idempotency_key_ctime ON wallet.idempotency_key USING brin (ctime);

COMMENT ON TABLE wallet.idempotency_key IS
    'What was asked for under a key, and its result. Kept until purge_idempotency_keys()';
COMMENT ON COLUMN wallet.idempotency_key.actor IS
    'Whose key it is: the API key''s name, or the role that called';
COMMENT ON COLUMN wallet.idempotency_key.key IS 'The key, as the caller gave it';
COMMENT ON COLUMN wallet.idempotency_key.request_hash IS
    'Of the operation and its arguments: the same key with another request is refused';
COMMENT ON COLUMN wallet.idempotency_key.ctime IS 'When the key was first used';
COMMENT ON COLUMN wallet.idempotency_key.transaction_id IS 'The transaction that the request made';
COMMENT ON COLUMN wallet.idempotency_key.account_id IS 'The account that the request opened';
COMMENT ON COLUMN wallet.idempotency_key.transaction_ids IS
    'The transactions of a batch, in their order; NULL for an item that was refused';
COMMENT ON COLUMN wallet.idempotency_key.results IS
    'The refused items of a batch, in their order; or the result of a transfer that may be queued';
COMMENT ON COLUMN wallet.idempotency_key.hold IS
    'The hold as the request left it';
COMMENT ON COLUMN wallet.idempotency_key.refusal IS 'Why the request was refused';

GRANT SELECT ON wallet.idempotency_key TO wallet_reader;

COMMIT;
