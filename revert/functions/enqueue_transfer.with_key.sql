-- Revert pgwallet:functions/enqueue_transfer.with_key from pg

BEGIN;

DROP FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text);

COMMIT;
