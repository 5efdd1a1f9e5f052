-- Verify pgwallet:violation on pg

BEGIN;

SELECT (v).violation, (v).account_id, (v).transaction_id, (v).detail
FROM (SELECT NULL::wallet.violation) s (v);

ROLLBACK;
