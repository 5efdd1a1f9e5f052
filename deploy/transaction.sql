-- Deploy pgwallet:transaction to pg
-- requires: transaction@v0.4
-- requires: functions/keep_history

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Whoever writes a transaction has just locked its accounts, so a foreign key finds what is known,
-- in two more queries for each row. What it kept is kept by this: an account, once there, stays.
CREATE TRIGGER account_history BEFORE DELETE OR TRUNCATE ON wallet.account
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history();
ALTER TABLE wallet.account ENABLE ALWAYS TRIGGER account_history;

ALTER TABLE wallet.transaction
    DROP CONSTRAINT transaction_source_account_id_fkey,
    DROP CONSTRAINT transaction_target_account_id_fkey;

COMMIT;
