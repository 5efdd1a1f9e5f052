-- Revert pgwallet:answer from pg

BEGIN;

DROP TYPE wallet.answer;

COMMIT;
