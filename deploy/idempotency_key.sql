-- Deploy pgwallet:idempotency_key to pg
-- requires: domains

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.idempotency_key (
    key wallet.idempotency_key_text PRIMARY KEY,
    request jsonb NOT NULL,
    result jsonb,
    ctime timestamptz NOT NULL
) WITH (fillfactor = 70);

-- Purging reads by age. Keys come in the order of time, so a few pages of summary are enough.
CREATE INDEX idempotency_key_ctime ON wallet.idempotency_key USING brin (ctime);

COMMENT ON TABLE wallet.idempotency_key IS
    'What was asked for under a key, and its result. Kept until purge_idempotency_keys()';
COMMENT ON COLUMN wallet.idempotency_key.key IS 'The key, as the caller gave it';
COMMENT ON COLUMN wallet.idempotency_key.request IS
    'The operation and its arguments: the same key with another request is refused';
COMMENT ON COLUMN wallet.idempotency_key.result IS
    'A wallet.keyed_result: what the first call made, or why it was refused';
COMMENT ON COLUMN wallet.idempotency_key.ctime IS 'When the key was first used';

GRANT SELECT ON wallet.idempotency_key TO wallet_reader;

COMMIT;
