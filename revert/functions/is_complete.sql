-- Revert pgwallet:functions/is_complete from pg

BEGIN;

DROP FUNCTION wallet.is_complete(bigint, wallet.entry_number, wallet.balance, bigint, wallet.entry_number, wallet.balance);

COMMIT;
