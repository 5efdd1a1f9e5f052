-- Revert pgwallet:functions/write_batch from pg

BEGIN;

DROP FUNCTION wallet.write_batch(wallet.transfer_result[], text[], jsonb[]);

COMMIT;
