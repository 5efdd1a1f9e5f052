-- Deploy pgwallet:transaction to pg
-- requires: account
-- requires: functions/is_complete

BEGIN;

SET LOCAL ROLE wallet_owner;

-- The columns of eight bytes come first, so that no row is padded between them.
CREATE TABLE wallet.transaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_account_id bigint,
    target_account_id bigint,
    ctime timestamptz NOT NULL,
    source_entry wallet.entry_number,
    target_entry wallet.entry_number,
    amount wallet.amount NOT NULL,
    source_balance wallet.balance,
    target_balance wallet.balance,
    actor wallet.actor NOT NULL DEFAULT session_user,
    CONSTRAINT transaction_complete CHECK (
        wallet.is_complete(source_account_id, source_entry, source_balance,
                           target_account_id, target_entry, target_balance)
    )
);

-- An account's entries, in their order; a wrong function cannot give a number out twice.
CREATE UNIQUE INDEX transaction_source_entry
    ON wallet.transaction (source_account_id, source_entry) WHERE source_account_id IS NOT NULL;
CREATE UNIQUE INDEX transaction_target_entry
    ON wallet.transaction (target_account_id, target_entry) WHERE target_account_id IS NOT NULL;

-- A statement's trigger: an INSERT does not meet it, and so pays nothing for it.
CREATE TRIGGER transaction_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.transaction
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.refuse_change();
ALTER TABLE wallet.transaction ENABLE ALWAYS TRIGGER transaction_history;

COMMENT ON TABLE wallet.transaction IS
    'Money that moved. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.transaction.id IS 'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.transaction.source_account_id IS
    'The account that paid; NULL for a deposit from outside';
COMMENT ON COLUMN wallet.transaction.target_account_id IS
    'The account that was paid; NULL for a withdrawal to outside';
COMMENT ON COLUMN wallet.transaction.ctime IS
    'Taken while both accounts were locked: it never runs backwards along an account''s entries';
COMMENT ON COLUMN wallet.transaction.source_entry IS
    'Which entry of the source account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.target_entry IS
    'Which entry of the target account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.amount IS '0.01 or more, in hundredths';
COMMENT ON COLUMN wallet.transaction.source_balance IS 'The source account''s balance after it';
COMMENT ON COLUMN wallet.transaction.target_balance IS 'The target account''s balance after it';
COMMENT ON COLUMN wallet.transaction.actor IS
    'Who asked for it: the API key''s name, or the role that called';

GRANT SELECT ON wallet.transaction TO wallet_reader;

COMMIT;
