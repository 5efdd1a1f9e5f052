-- Revert pgwallet:functions/decide_batch from pg

BEGIN;

DROP FUNCTION wallet.decide_batch(
    wallet.account[], wallet.transfer_request[], bigint[], boolean[], text[]
);

COMMIT;
