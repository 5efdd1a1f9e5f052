-- Verify pgwallet:outcome on pg

BEGIN;

SELECT (o).id, (o).source_account_id, (o).target_account_id, (o).amount, (o).ctime,
       (o).source_entry, (o).target_entry, (o).source_balance, (o).target_balance,
       (o).state, (o).sqlstate, (o).message, (o).detail, (o).hint
FROM (SELECT NULL::wallet.outcome) s (o);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.outcome'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
