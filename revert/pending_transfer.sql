-- Revert pgwallet:pending_transfer from pg

BEGIN;

DROP TABLE wallet.pending_transfer;

COMMIT;
