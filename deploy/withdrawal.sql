-- Deploy pgwallet:withdrawal to pg
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Calls wait while the rows that are there are read once, a fraction of a second for a million.
ALTER TABLE wallet.transaction
    ALTER COLUMN target_account_id DROP NOT NULL,
    ALTER COLUMN target_entry DROP NOT NULL,
    ALTER COLUMN target_balance DROP NOT NULL,
    ADD CONSTRAINT transaction_target_complete CHECK (
        (target_account_id IS NULL) = (target_entry IS NULL)
        AND (target_account_id IS NULL) = (target_balance IS NULL)
    ),
    ADD CONSTRAINT transaction_some_account CHECK (
        source_account_id IS NOT NULL OR target_account_id IS NOT NULL
    );

COMMENT ON COLUMN wallet.transaction.target_account_id IS
    'The account that was paid; NULL for a withdrawal to outside';

COMMIT;
