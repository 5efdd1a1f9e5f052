-- Revert pgwallet:functions/transfer_or_enqueue.with_key from pg

BEGIN;

DROP FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text);

COMMIT;
