-- Deploy pgwallet:account_annotation to pg
-- requires: domains
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.account_annotation (
    account_id bigint,
    id bigint GENERATED ALWAYS AS IDENTITY,
    reference wallet.reference,
    metadata wallet.metadata,
    ctime timestamptz NOT NULL,
    actor wallet.actor NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX account_annotation_reference
    ON wallet.account_annotation (reference, account_id) WHERE reference IS NOT NULL;

CREATE TRIGGER account_annotation_history
    BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.account_annotation
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.account_annotation ENABLE ALWAYS TRIGGER account_annotation_history;

COMMENT ON TABLE wallet.account_annotation IS
    'What callers said of their accounts: an account''s last row is in force. A row, once there, is '
    'never changed or deleted';
COMMENT ON COLUMN wallet.account_annotation.account_id IS 'The account';
COMMENT ON COLUMN wallet.account_annotation.id IS
    'From 1, in an account''s order: it is given while the account is locked';
COMMENT ON COLUMN wallet.account_annotation.reference IS
    'The caller''s own name for it, such as a customer''s number; not unique';
COMMENT ON COLUMN wallet.account_annotation.metadata IS
    'What the caller wants kept; never queried';
COMMENT ON COLUMN wallet.account_annotation.ctime IS 'When it was said';
COMMENT ON COLUMN wallet.account_annotation.actor IS
    'Who said it: the API key''s name, or the role that called';

GRANT SELECT ON wallet.account_annotation TO wallet_reader;

COMMIT;
