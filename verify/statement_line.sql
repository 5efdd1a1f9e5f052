-- Verify pgwallet:statement_line on pg

BEGIN;

SELECT (l).entry, (l).transaction_id, (l).kind, (l).counterparty_account_id, (l).amount,
       (l).balance, (l).ctime
FROM (SELECT NULL::wallet.statement_line) s (l);

SELECT 1 / count(*)
FROM pg_type t
WHERE t.oid = 'wallet.statement_line'::regtype AND t.typowner = 'wallet_owner'::regrole;

ROLLBACK;
