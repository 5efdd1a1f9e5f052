-- Revert pgwallet:idempotency_key from pg

BEGIN;

DROP TABLE wallet.idempotency_key;

COMMIT;
