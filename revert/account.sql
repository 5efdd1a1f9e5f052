-- Revert pgwallet:account from pg

BEGIN;

DROP TABLE wallet.account;

COMMIT;
