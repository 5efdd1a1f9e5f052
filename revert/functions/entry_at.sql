-- Revert pgwallet:functions/entry_at from pg

BEGIN;

DROP FUNCTION wallet.entry_at(bigint, timestamptz);

COMMIT;
