-- Deploy pgwallet:queue_lock to pg
-- requires: schema

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A row and no advisory lock, which any role that may connect could take.
CREATE TABLE wallet.queue_lock (
    id boolean PRIMARY KEY DEFAULT true,
    CONSTRAINT queue_lock_one_row CHECK (id)
);
INSERT INTO wallet.queue_lock DEFAULT VALUES;

COMMENT ON TABLE wallet.queue_lock IS
    'One row. process_pending() locks it, so that one call at a time processes the queue';
COMMENT ON COLUMN wallet.queue_lock.id IS 'true';

GRANT SELECT ON wallet.queue_lock TO wallet_reader;

COMMIT;
