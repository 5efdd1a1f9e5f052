-- Revert pgwallet:frozen from pg

BEGIN;

ALTER TABLE wallet.account DROP COLUMN frozen;

COMMIT;
