-- Revert pgwallet:functions/describe_transaction from pg

BEGIN;

DROP FUNCTION wallet.describe_transaction(bigint);

COMMIT;
