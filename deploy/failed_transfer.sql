-- Deploy pgwallet:failed_transfer to pg
-- requires: pending_transfer
-- requires: functions/refuse_change

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.failed_transfer (
    id bigint PRIMARY KEY,
    source_account_id bigint NOT NULL,
    target_account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    ctime timestamptz NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    detail text NOT NULL,
    hint text NOT NULL,
    actor wallet.actor NOT NULL DEFAULT session_user
);

CREATE TRIGGER failed_transfer_history
    BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.failed_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.failed_transfer ENABLE ALWAYS TRIGGER failed_transfer_history;

COMMENT ON TABLE wallet.failed_transfer IS
    'Queued transfers that failed. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.failed_transfer.id IS 'The id that it had while it was pending';
COMMENT ON COLUMN wallet.failed_transfer.source_account_id IS 'The account that was to pay';
COMMENT ON COLUMN wallet.failed_transfer.target_account_id IS 'The account that was to be paid';
COMMENT ON COLUMN wallet.failed_transfer.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.failed_transfer.ctime IS 'When it failed';
COMMENT ON COLUMN wallet.failed_transfer.sqlstate IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.message IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.detail IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.hint IS 'Of the refusal';
COMMENT ON COLUMN wallet.failed_transfer.actor IS
    'Who asked for the transfer. wallet.event_log says who cancelled it';

GRANT SELECT ON wallet.failed_transfer TO wallet_reader;

COMMIT;
