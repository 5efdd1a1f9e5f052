-- Revert pgwallet:views from pg

BEGIN;

-- The other views are as they were.
DROP VIEW wallet.queue_stats;
DROP VIEW wallet.queue;

COMMIT;
