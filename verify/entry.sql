-- Verify pgwallet:entry on pg

BEGIN;

SELECT e.account_id, e.entry, e.transaction_id, e.counterparty_account_id, e.amount, e.balance,
       e.ctime
FROM wallet.entry e
WHERE false;

SELECT 1 / has_table_privilege('wallet_reader', 'wallet.entry', 'SELECT')::int;
SELECT 1 / (NOT has_table_privilege('wallet_app', 'wallet.entry', 'SELECT'))::int;

ROLLBACK;
