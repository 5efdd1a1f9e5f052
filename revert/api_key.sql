-- Revert pgwallet:api_key from pg

BEGIN;

DROP TABLE wallet.api_key;

COMMIT;
