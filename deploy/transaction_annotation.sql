-- Deploy pgwallet:transaction_annotation to pg
-- requires: domains
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A table of its own, so that transactions without annotations cost nothing. A queued transfer has
-- its row from the start, since it keeps its id.
CREATE TABLE wallet.transaction_annotation (
    transaction_id bigint PRIMARY KEY,
    reference wallet.reference,
    metadata wallet.metadata
);

CREATE INDEX transaction_annotation_reference
    ON wallet.transaction_annotation (reference, transaction_id) WHERE reference IS NOT NULL;

CREATE TRIGGER transaction_annotation_history
    BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.transaction_annotation
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.transaction_annotation ENABLE ALWAYS TRIGGER transaction_annotation_history;

COMMENT ON TABLE wallet.transaction_annotation IS
    'What callers said of their transactions. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.transaction_annotation.transaction_id IS
    'The transaction, which may still be pending, or have failed';
COMMENT ON COLUMN wallet.transaction_annotation.reference IS
    'The caller''s own name for it, such as an order''s number; not unique';
COMMENT ON COLUMN wallet.transaction_annotation.metadata IS
    'What the caller wants kept; never queried';

GRANT SELECT ON wallet.transaction_annotation TO wallet_reader;

COMMIT;
