-- Deploy pgwallet:api_key to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.api_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    ending text NOT NULL,
    scopes text[] NOT NULL,
    ctime timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_on date,
    CONSTRAINT api_key_name_printable CHECK (name ~ '^[\u0021-\u007e]{1,63}$'),
    CONSTRAINT api_key_hash_sha256 CHECK (octet_length(hash) = 32),
    CONSTRAINT api_key_scopes_known
        CHECK (scopes <> '{}' AND scopes <@ ARRAY['read', 'write', 'operate'])
);

COMMENT ON TABLE wallet.api_key IS
    'The API keys of HTTP clients, as hashes: no key can be made from a row';
COMMENT ON COLUMN wallet.api_key.id IS 'From 1; never reused';
COMMENT ON COLUMN wallet.api_key.name IS
    'Whose key it is: the actor of what it asks for. Several keys may have one name';
COMMENT ON COLUMN wallet.api_key.hash IS 'SHA-256 of the key';
COMMENT ON COLUMN wallet.api_key.ending IS
    'The key''s last eight characters, a checksum: they tell which key somebody has found';
COMMENT ON COLUMN wallet.api_key.scopes IS
    'What it may do: read, write (move money, open accounts) or operate; none implies another';
COMMENT ON COLUMN wallet.api_key.ctime IS 'When it was made';
COMMENT ON COLUMN wallet.api_key.expires_at IS 'From when on it is not valid; NULL if never';
COMMENT ON COLUMN wallet.api_key.revoked_at IS 'When it was revoked; NULL if it was not';
COMMENT ON COLUMN wallet.api_key.last_used_on IS 'The UTC day of its last use; NULL if never';

-- Who may read everything reads wallet.api_key_overview, which leaves out the hashes.

COMMIT;
