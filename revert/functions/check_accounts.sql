-- Revert pgwallet:functions/check_accounts from pg

BEGIN;

DROP FUNCTION wallet.check_accounts(
    numeric, bigint, numeric, numeric, numeric, boolean, bigint, numeric, numeric, boolean, boolean
);

COMMIT;
