-- Deploy pgwallet:hold_capture to pg
-- requires: hold
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A table of its own, as for reversals: captures are few beside transfers, whose rows stay small.
CREATE TABLE wallet.hold_capture (
    hold_id bigint,
    transaction_id bigint,
    PRIMARY KEY (hold_id, transaction_id)
);

CREATE TRIGGER hold_capture_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.hold_capture
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.hold_capture ENABLE ALWAYS TRIGGER hold_capture_history;

COMMENT ON TABLE wallet.hold_capture IS
    'Which transaction took money of which hold. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.hold_capture.hold_id IS 'The hold';
COMMENT ON COLUMN wallet.hold_capture.transaction_id IS 'The transaction; it has one hold at most';

GRANT SELECT ON wallet.hold_capture TO wallet_reader;

COMMIT;
