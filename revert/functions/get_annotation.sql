-- Revert pgwallet:functions/get_annotation from pg

BEGIN;

DROP FUNCTION wallet.get_annotation(bigint);

COMMIT;
