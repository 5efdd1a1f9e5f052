-- Verify pgwallet:transfer_request on pg

BEGIN;

SELECT (r).source_account_id, (r).target_account_id, (r).amount
FROM (SELECT NULL::wallet.transfer_request) s (r);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.transfer_request'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
