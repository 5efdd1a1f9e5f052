-- Revert pgwallet:account_email from pg

BEGIN;

DROP INDEX wallet.account_email;

COMMIT;
