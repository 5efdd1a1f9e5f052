-- Deploy pgwallet:transaction to pg
-- requires: account

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE TABLE wallet.transaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_account_id bigint REFERENCES wallet.account (id),
    target_account_id bigint NOT NULL REFERENCES wallet.account (id),
    amount numeric(8, 2) NOT NULL,
    ctime timestamptz NOT NULL,
    source_entry bigint,
    target_entry bigint NOT NULL,
    source_balance numeric(8, 2),
    target_balance numeric(8, 2) NOT NULL,
    -- The upper bounds also refuse NaN, which sorts above every number.
    CONSTRAINT transaction_amount_range CHECK (amount BETWEEN 0.01 AND 999999.99),
    CONSTRAINT transaction_two_accounts CHECK (source_account_id <> target_account_id),
    CONSTRAINT transaction_source_complete CHECK (
        (source_account_id IS NULL) = (source_entry IS NULL)
        AND (source_account_id IS NULL) = (source_balance IS NULL)
    ),
    CONSTRAINT transaction_entry_range CHECK (source_entry >= 1 AND target_entry >= 1),
    CONSTRAINT transaction_balance_range CHECK (
        source_balance BETWEEN 0.00 AND 999999.99 AND target_balance BETWEEN 0.00 AND 999999.99
    )
);

-- An account's entries, in their order; a wrong function cannot give a number out twice.
CREATE UNIQUE INDEX transaction_source_entry
    ON wallet.transaction (source_account_id, source_entry) WHERE source_account_id IS NOT NULL;
CREATE UNIQUE INDEX transaction_target_entry
    ON wallet.transaction (target_account_id, target_entry);

COMMENT ON TABLE wallet.transaction IS
    'Money that moved. A row, once there, is never changed or deleted';
COMMENT ON COLUMN wallet.transaction.id IS
    'From 1; the order of ids is not the order of commits';
COMMENT ON COLUMN wallet.transaction.source_account_id IS
    'The account that paid; NULL for a deposit from outside';
COMMENT ON COLUMN wallet.transaction.target_account_id IS 'The account that was paid';
COMMENT ON COLUMN wallet.transaction.amount IS '0.01 to 999999.99';
COMMENT ON COLUMN wallet.transaction.ctime IS
    'Taken while both accounts were locked: along an account''s entries it never runs backwards';
COMMENT ON COLUMN wallet.transaction.source_entry IS
    'Which entry of the source account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.target_entry IS
    'Which entry of the target account this is: 1, 2, 3 … without a gap over both sides';
COMMENT ON COLUMN wallet.transaction.source_balance IS 'The source account''s balance after it';
COMMENT ON COLUMN wallet.transaction.target_balance IS 'The target account''s balance after it';

COMMIT;
