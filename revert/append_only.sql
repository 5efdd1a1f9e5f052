-- Revert pgwallet:append_only from pg

BEGIN;

DROP TRIGGER reversal_history ON wallet.reversal;
DROP TRIGGER transaction_history ON wallet.transaction;

COMMIT;
