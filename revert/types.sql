-- Revert pgwallet:types from pg

BEGIN;

DROP TYPE wallet.transaction_detail, wallet.claim, wallet.violation, wallet.statement_line, wallet.operation_result, wallet.group_result,
    wallet.group_request, wallet.transfer_result, wallet.transfer_request, wallet.refusal;

COMMIT;
