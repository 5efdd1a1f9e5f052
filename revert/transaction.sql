-- Revert pgwallet:transaction from pg

BEGIN;

DROP TABLE wallet.transaction;

COMMIT;
