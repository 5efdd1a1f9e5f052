-- Revert pgwallet:violation from pg

BEGIN;

DROP TYPE wallet.violation;

COMMIT;
