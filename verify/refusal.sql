-- Verify pgwallet:refusal on pg

BEGIN;

SELECT (r).sqlstate, (r).message, (r).detail, (r).hint FROM (SELECT NULL::wallet.refusal) s (r);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.refusal'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
