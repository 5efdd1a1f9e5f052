-- Revert pgwallet:functions/settle from pg

BEGIN;

DROP FUNCTION wallet.settle(int);

COMMIT;
