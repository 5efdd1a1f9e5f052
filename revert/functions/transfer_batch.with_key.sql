-- Revert pgwallet:functions/transfer_batch.with_key from pg

BEGIN;

DROP FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean, text);

COMMIT;
