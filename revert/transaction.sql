-- Revert pgwallet:transaction from pg

BEGIN;

-- Reads every transaction, to see that its accounts are there.
ALTER TABLE wallet.transaction
    ADD CONSTRAINT transaction_source_account_id_fkey
        FOREIGN KEY (source_account_id) REFERENCES wallet.account (id),
    ADD CONSTRAINT transaction_target_account_id_fkey
        FOREIGN KEY (target_account_id) REFERENCES wallet.account (id);

DROP TRIGGER account_history ON wallet.account;

COMMIT;
