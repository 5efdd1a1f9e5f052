-- Revert pgwallet:withdrawal from pg

BEGIN;

-- Fails while there is a withdrawal: its rows have no place in the table as it was.
ALTER TABLE wallet.transaction
    DROP CONSTRAINT transaction_some_account,
    DROP CONSTRAINT transaction_target_complete,
    ALTER COLUMN target_balance SET NOT NULL,
    ALTER COLUMN target_entry SET NOT NULL,
    ALTER COLUMN target_account_id SET NOT NULL;

COMMENT ON COLUMN wallet.transaction.target_account_id IS 'The account that was paid';

COMMIT;
