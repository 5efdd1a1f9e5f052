-- Revert pgwallet:functions/is_within_limits from pg

BEGIN;

DROP FUNCTION wallet.is_within_limits(wallet.balance, wallet.held, wallet.balance, wallet.balance);

COMMIT;
