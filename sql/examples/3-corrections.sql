-- Reverse a transaction, and keep an account out of new ones. History stays as it was written.
\set SHOW_CONTEXT never

SELECT id FROM wallet.create_account('ada@example.com');
SELECT id FROM wallet.create_account('bob@example.com');
SELECT id FROM wallet.deposit(1, 100);
SELECT id FROM wallet.transfer(1, 2, 30);

SELECT id, source_account_id, target_account_id, amount FROM wallet.reverse(transaction_id => 2);

-- A transaction is reversed once, and a reversal never.
SELECT id FROM wallet.deposit(2, 30);
SELECT wallet.reverse(2);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.reverse(3);
\echo :LAST_ERROR_SQLSTATE

SELECT id, kind, source_account_id, target_account_id, amount, reverses
FROM wallet.recent_transaction
LIMIT 3;

-- A frozen account keeps its balance.
SELECT id, balance, frozen FROM wallet.freeze_account(2);
SELECT wallet.transfer(1, 2, 1);
\echo :LAST_ERROR_SQLSTATE
SELECT id, balance, frozen FROM wallet.unfreeze_account(2);
SELECT id, amount FROM wallet.transfer(1, 2, 1);

-- Nobody may change history, not even the owner of the tables.
UPDATE wallet.transaction SET amount = 1000 WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
SET ROLE wallet_owner;
DELETE FROM wallet.transaction;
\echo :LAST_ERROR_SQLSTATE
TRUNCATE wallet.reversal;
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
