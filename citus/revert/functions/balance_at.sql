-- Revert pgwallet_citus:functions/balance_at from pg

BEGIN;

DROP FUNCTION wallet.balance_at(bigint, timestamptz);
ALTER FUNCTION wallet_plain.balance_at(bigint, timestamptz) SET SCHEMA wallet;

COMMIT;
