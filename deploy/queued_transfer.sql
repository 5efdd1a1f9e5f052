-- Deploy pgwallet:queued_transfer to pg
-- requires: failed_transfer

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A table of its own: a transaction that was never queued pays nothing for it.
CREATE TABLE wallet.queued_transfer (
    id bigint PRIMARY KEY,
    queued_at timestamptz NOT NULL
);

CREATE TRIGGER queued_transfer_history
    BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.queued_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.queued_transfer ENABLE ALWAYS TRIGGER queued_transfer_history;

COMMENT ON TABLE wallet.queued_transfer IS
    'Transfers that have left the queue, made or failed. A row, once there, is never changed or '
    'deleted';
COMMENT ON COLUMN wallet.queued_transfer.id IS
    'The id of the transaction, or of the failed transfer';
COMMENT ON COLUMN wallet.queued_transfer.queued_at IS
    'When it was queued: the ctime that it had while it was pending';

GRANT SELECT ON wallet.queued_transfer TO wallet_reader;

COMMIT;
