-- Revert pgwallet:entry from pg

BEGIN;

DROP VIEW wallet.entry;

COMMIT;
