-- Revert pgwallet:functions/get_statement from pg

BEGIN;

DROP FUNCTION wallet.get_statement(bigint, bigint, int);

COMMIT;
