-- Verify pgwallet:answer on pg

BEGIN;

SELECT (a).replayed, (a).account, (a).transaction, (a).refusal
FROM (SELECT NULL::wallet.answer) s (a);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.answer'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
