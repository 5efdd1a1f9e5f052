-- Revert pgwallet:failed_transfer from pg

BEGIN;

DROP TABLE wallet.failed_transfer;

COMMIT;
