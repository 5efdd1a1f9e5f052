-- Revert pgwallet:limit_change from pg

BEGIN;

DROP TABLE wallet.limit_change;

COMMIT;
