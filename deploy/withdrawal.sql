-- Deploy pgwallet:withdrawal to pg
-- requires: transaction

BEGIN;

SET LOCAL ROLE wallet_owner;

ALTER TABLE wallet.transaction
    ALTER COLUMN target_account_id DROP NOT NULL,
    ALTER COLUMN target_entry DROP NOT NULL,
    ALTER COLUMN target_balance DROP NOT NULL,
    ADD CONSTRAINT transaction_target_complete CHECK (
        (target_account_id IS NULL) = (target_entry IS NULL)
        AND (target_account_id IS NULL) = (target_balance IS NULL)
    ) NOT VALID,
    ADD CONSTRAINT transaction_some_account CHECK (
        source_account_id IS NOT NULL OR target_account_id IS NOT NULL
    ) NOT VALID;

-- Read the rows that are there without keeping writers out.
ALTER TABLE wallet.transaction VALIDATE CONSTRAINT transaction_target_complete;
ALTER TABLE wallet.transaction VALIDATE CONSTRAINT transaction_some_account;

COMMENT ON COLUMN wallet.transaction.target_account_id IS
    'The account that was paid; NULL for a withdrawal to outside';

COMMIT;
