-- Revert pgwallet:refusal from pg

BEGIN;

DROP TYPE wallet.refusal;

COMMIT;
