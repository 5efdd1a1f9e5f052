-- Verify pgwallet:violation on pg

BEGIN;

SELECT (v).violation, (v).account_id, (v).transaction_id, (v).detail
FROM (SELECT NULL::wallet.violation) s (v);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.violation'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
