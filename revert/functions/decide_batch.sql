-- Revert pgwallet:functions/decide_batch from pg

BEGIN;

DROP FUNCTION wallet.decide_batch(bigint[], wallet.transfer_request[]);

COMMIT;
