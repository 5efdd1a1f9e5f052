-- Revert pgwallet:outcome from pg

BEGIN;

DROP TYPE wallet.outcome;

COMMIT;
