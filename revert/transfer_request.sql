-- Revert pgwallet:transfer_request from pg

BEGIN;

DROP TYPE wallet.transfer_request;

COMMIT;
