-- Reverse a transaction, and keep an account out of new ones. History stays as it was written.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/3-corrections.sql
\set SHOW_CONTEXT never

SELECT id AS ada FROM wallet.create_account('ada@example.com') \gset
SELECT id AS bob FROM wallet.create_account('bob@example.com') \gset
SELECT id FROM wallet.deposit(:ada, 100);
SELECT id AS wrong FROM wallet.transfer(:ada, :bob, 30) \gset

SELECT id AS reversal FROM wallet.reverse(transaction_id => :wrong) \gset

-- A transaction is reversed once, and a reversal never.
SELECT id FROM wallet.deposit(:bob, 30);
SELECT wallet.reverse(:wrong);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.reverse(:reversal);
\echo :LAST_ERROR_SQLSTATE

SELECT id, kind, source_account_id, target_account_id, amount, reverses
FROM wallet.recent_transaction
LIMIT 3;

-- A frozen account keeps its balance.
SELECT id, balance, frozen FROM wallet.freeze_account(:bob);
SELECT wallet.transfer(:ada, :bob, 1);
\echo :LAST_ERROR_SQLSTATE
SELECT id, balance, frozen FROM wallet.unfreeze_account(:bob);
SELECT id, amount FROM wallet.transfer(:ada, :bob, 1);

-- Nobody may change history, not even the owner of the tables.
UPDATE wallet.transaction SET amount = 1000 WHERE id = :wrong;
\echo :LAST_ERROR_SQLSTATE
SET ROLE wallet_owner;
DELETE FROM wallet.transaction;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE wallet.reversal;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
