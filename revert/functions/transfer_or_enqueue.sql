-- Revert pgwallet:functions/transfer_or_enqueue from pg

BEGIN;

DROP FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text, text, text, jsonb);
DROP FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric);

COMMIT;
