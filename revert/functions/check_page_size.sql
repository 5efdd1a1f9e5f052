-- Revert pgwallet:functions/check_page_size from pg

BEGIN;

DROP FUNCTION wallet.check_page_size(int);

COMMIT;
