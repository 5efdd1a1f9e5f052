-- Revert pgwallet:statement_line from pg

BEGIN;

DROP TYPE wallet.statement_line;

COMMIT;
