-- Revert pgwallet:types from pg

BEGIN;

DROP TYPE wallet.violation, wallet.statement_line, wallet.keyed_result, wallet.transfer_result,
    wallet.transfer_request, wallet.refusal;

COMMIT;
