-- Revert pgwallet:functions/raise_refusal from pg

BEGIN;

DROP FUNCTION wallet.raise_refusal(wallet.refusal);

COMMIT;
