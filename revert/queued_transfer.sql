-- Revert pgwallet:queued_transfer from pg

BEGIN;

DROP TABLE wallet.queued_transfer;

COMMIT;
