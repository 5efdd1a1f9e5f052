-- Deploy pgwallet:pending_transfer to pg
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Rows come and go: vacuum early, so that the oldest are found at once.
CREATE TABLE wallet.pending_transfer (
    id bigint PRIMARY KEY DEFAULT nextval('wallet.transaction_id_seq'),
    source_account_id bigint NOT NULL,
    target_account_id bigint NOT NULL,
    amount wallet.amount NOT NULL,
    ctime timestamptz NOT NULL,
    actor wallet.actor NOT NULL DEFAULT session_user
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

COMMENT ON TABLE wallet.pending_transfer IS
    'Transfers that wait for process_pending(). A row stays until it is processed or cancelled';
COMMENT ON COLUMN wallet.pending_transfer.id IS
    'The id that the transaction will have, or will have failed with';
COMMENT ON COLUMN wallet.pending_transfer.source_account_id IS 'The account that is to pay';
COMMENT ON COLUMN wallet.pending_transfer.target_account_id IS 'The account that is to be paid';
COMMENT ON COLUMN wallet.pending_transfer.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.pending_transfer.ctime IS 'When it was queued';
COMMENT ON COLUMN wallet.pending_transfer.actor IS
    'Who asked for it: the API key''s name, or the role that called';

GRANT SELECT ON wallet.pending_transfer TO wallet_reader;

COMMIT;
