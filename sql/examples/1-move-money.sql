-- Open wallets, pay in, transfer; then refusals, each with the SQLSTATE to catch.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/1-move-money.sql
\set SHOW_CONTEXT never

SELECT id AS ada FROM wallet.create_account('ada@example.com') \gset
SELECT id AS bob FROM wallet.create_account('bob@example.com') \gset
SELECT id, email, balance FROM wallet.get_account(:ada);

SELECT id, target_account_id, amount, target_balance FROM wallet.deposit(account_id => :ada, amount => 100);

SELECT id, amount, source_balance, target_balance
FROM wallet.transfer(source_account_id => :ada, target_account_id => :bob, amount => 12.345);

SELECT id, amount, source_balance FROM wallet.withdraw(account_id => :bob, amount => 2.35);

-- More than the account holds.
SELECT wallet.transfer(:ada, :bob, 500);
\echo :LAST_ERROR_SQLSTATE

-- More than the account may hold.
SELECT wallet.deposit(:ada, 999999.99);
\echo :LAST_ERROR_SQLSTATE

-- An amount that is no amount.
SELECT wallet.transfer(:ada, :bob, 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(:ada, :bob, 0.004);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(:ada, :bob, NULL);
\echo :LAST_ERROR_SQLSTATE

-- From an account to itself; to an account that is not there.
SELECT wallet.transfer(:ada, :ada, 5);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(:ada, 9223372036854775807, 5);
\echo :LAST_ERROR_SQLSTATE

-- An email that is no address.
SELECT wallet.create_account('ada');
\echo :LAST_ERROR_SQLSTATE

-- The refused calls have left no trace.
SELECT id, balance, entry_count FROM wallet.account WHERE id IN (:ada, :bob) ORDER BY id;
