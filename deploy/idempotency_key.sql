-- Deploy pgwallet:idempotency_key to pg
-- requires: reader

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.idempotency_key (
    key text PRIMARY KEY,
    request jsonb NOT NULL,
    answer jsonb,
    ctime timestamptz NOT NULL,
    CONSTRAINT idempotency_key_printable CHECK (key ~ '^[\u0020-\u007e]{1,255}$')
) WITH (fillfactor = 70);

-- Purging reads by age; keys come in the order of time, so a few pages of summary are enough.
CREATE INDEX idempotency_key_ctime ON wallet.idempotency_key USING brin (ctime);

COMMENT ON TABLE wallet.idempotency_key IS
    'What was asked for under a key, and what was answered. Written in the transaction of the '
    'effect, and kept until purge_idempotency_keys()';
COMMENT ON COLUMN wallet.idempotency_key.key IS '1 to 255 printable ASCII characters';
COMMENT ON COLUMN wallet.idempotency_key.request IS
    'The operation and its arguments: the same key with another request is refused';
COMMENT ON COLUMN wallet.idempotency_key.answer IS
    'A wallet.answer: what the first call made, or why it was refused';
COMMENT ON COLUMN wallet.idempotency_key.ctime IS 'When the key was first used';

GRANT SELECT ON wallet.idempotency_key TO wallet_reader;

COMMIT;
