-- Revert pgwallet:functions/claim_keys from pg

BEGIN;

DROP FUNCTION wallet.claim_keys(wallet.group_request[], int);

COMMIT;
