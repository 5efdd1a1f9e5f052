-- Revert pgwallet:functions/enqueue_transfer from pg

BEGIN;

DROP FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text, text, text, jsonb);
DROP FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric);

COMMIT;
