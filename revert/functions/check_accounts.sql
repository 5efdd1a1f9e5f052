-- Revert pgwallet:functions/check_accounts from pg

BEGIN;

DROP FUNCTION wallet.check_accounts(
    numeric, bigint, numeric, boolean, bigint, numeric, boolean, boolean
);

COMMIT;
