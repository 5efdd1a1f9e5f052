-- Deploy pgwallet:reversal to pg
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A table of its own: reversals are few, and a transfer's row stays small.
CREATE TABLE wallet.reversal (
    transaction_id bigint PRIMARY KEY REFERENCES wallet.transaction (id),
    reverses bigint NOT NULL UNIQUE REFERENCES wallet.transaction (id),
    CONSTRAINT reversal_comes_later CHECK (transaction_id > reverses)
);

CREATE TRIGGER reversal_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.reversal
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.reversal ENABLE ALWAYS TRIGGER reversal_history;

COMMENT ON TABLE wallet.reversal IS
    'Transactions that take another one back. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.reversal.transaction_id IS 'The transaction that moves the money back';
COMMENT ON COLUMN wallet.reversal.reverses IS
    'The transaction that is taken back: once only, and no reversal itself';

GRANT SELECT ON wallet.reversal TO wallet_reader;

COMMIT;
