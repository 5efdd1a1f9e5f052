-- Deploy pgwallet:domains to pg
-- requires: functions/max_amount

BEGIN;

SET LOCAL ROLE wallet_owner;

-- PostgreSQL reads a domain's rule once a session, a table's CHECK for each statement that writes.
-- BETWEEN also refuses NaN, which sorts above every number.
CREATE DOMAIN wallet.amount AS numeric(8, 2)
    CONSTRAINT amount_range CHECK (VALUE BETWEEN 0.01 AND wallet.max_amount());
CREATE DOMAIN wallet.balance AS numeric(8, 2)
    CONSTRAINT balance_range CHECK (VALUE BETWEEN -wallet.max_amount() AND wallet.max_amount());
CREATE DOMAIN wallet.held AS numeric(9, 2)
    CONSTRAINT held_range CHECK (VALUE BETWEEN 0.00 AND 2 * wallet.max_amount());
CREATE DOMAIN wallet.hold_state AS text
    CONSTRAINT hold_state_known CHECK (VALUE IN ('held', 'captured', 'released', 'expired'));
CREATE DOMAIN wallet.entry_number AS bigint
    CONSTRAINT entry_number_range CHECK (VALUE >= 1);
CREATE DOMAIN wallet.entry_count AS bigint
    CONSTRAINT entry_count_range CHECK (VALUE >= 0);
CREATE DOMAIN wallet.email AS text
    CONSTRAINT email_length CHECK (char_length(VALUE) BETWEEN 3 AND 254);
CREATE DOMAIN wallet.idempotency_key_text AS text
    CONSTRAINT idempotency_key_text_printable CHECK (char_length(VALUE) BETWEEN 1 AND 255
        AND VALUE !~ '[^\u0020-\u007e]');
CREATE DOMAIN wallet.actor AS text
    CONSTRAINT actor_printable CHECK (char_length(VALUE) BETWEEN 1 AND 63
        AND VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]');
CREATE DOMAIN wallet.reference AS text
    CONSTRAINT reference_printable CHECK (char_length(VALUE) BETWEEN 1 AND 255
        AND VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]');
CREATE DOMAIN wallet.metadata AS jsonb
    CONSTRAINT metadata_size CHECK (jsonb_typeof(VALUE) = 'object'
        AND octet_length(VALUE::text) <= 4096);

COMMENT ON DOMAIN wallet.amount IS 'Money that moves: 0.01 to max_amount()';
COMMENT ON DOMAIN wallet.balance IS
    'What an account holds, or may hold: -max_amount() to max_amount()';
COMMENT ON DOMAIN wallet.held IS 'The part of a balance that holds reserve: 0.00 or more';
COMMENT ON DOMAIN wallet.hold_state IS 'held, captured, released or expired';
COMMENT ON DOMAIN wallet.entry_number IS 'Number of an entry along its account: 1, 2, 3 …';
COMMENT ON DOMAIN wallet.entry_count IS 'Number of the last entry; 0 before the first';
COMMENT ON DOMAIN wallet.email IS 'local@domain, 3 to 254 characters, as given';
COMMENT ON DOMAIN wallet.idempotency_key_text IS '1 to 255 printable ASCII characters';
COMMENT ON DOMAIN wallet.actor IS
    'Who asked for something: an API key''s name, or a role; 1 to 63 printable characters';
COMMENT ON DOMAIN wallet.reference IS
    'The caller''s own name for something; 1 to 255 printable characters, not unique';
COMMENT ON DOMAIN wallet.metadata IS
    'What the caller wants kept: a JSON object of at most 4096 bytes as PostgreSQL writes it';

COMMIT;
