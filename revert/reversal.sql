-- Revert pgwallet:reversal from pg

BEGIN;

DROP TABLE wallet.reversal;

COMMIT;
