-- Revert pgwallet:functions/get_transaction from pg

BEGIN;

DROP FUNCTION wallet.get_transaction(bigint);

COMMIT;
