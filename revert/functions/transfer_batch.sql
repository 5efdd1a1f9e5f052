-- Revert pgwallet:functions/transfer_batch from pg

BEGIN;

DROP FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean, text, text, text[], jsonb[]);
DROP FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean);

COMMIT;
