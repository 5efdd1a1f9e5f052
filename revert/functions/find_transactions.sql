-- Revert pgwallet:functions/find_transactions from pg

BEGIN;

DROP FUNCTION wallet.find_transactions(text, bigint, timestamptz, timestamptz, bigint, int);

COMMIT;
