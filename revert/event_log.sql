-- Revert pgwallet:event_log from pg

BEGIN;

DROP TABLE wallet.event_log;

COMMIT;
