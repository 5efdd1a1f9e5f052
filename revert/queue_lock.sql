-- Revert pgwallet:queue_lock from pg

BEGIN;

DROP TABLE wallet.queue_lock;

COMMIT;
