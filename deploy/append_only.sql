-- Deploy pgwallet:append_only to pg
-- requires: reversal
-- requires: functions/keep_history

BEGIN;

SET LOCAL ROLE wallet_owner;

-- A statement's trigger: an INSERT does not meet it, and so pays nothing for it.
CREATE TRIGGER transaction_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.transaction
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history();
CREATE TRIGGER reversal_history BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet.reversal
    FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history();

-- Also for a session that plays the part of a replica.
ALTER TABLE wallet.transaction ENABLE ALWAYS TRIGGER transaction_history;
ALTER TABLE wallet.reversal ENABLE ALWAYS TRIGGER reversal_history;

COMMIT;
