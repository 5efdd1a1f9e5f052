-- Open wallets, pay in, transfer; then refusals, each with the SQLSTATE to catch.
\set SHOW_CONTEXT never

SELECT id, email, balance FROM wallet.create_account('ada@example.com');
SELECT id, email, balance FROM wallet.create_account('bob@example.com');

SELECT id, target_account_id, amount, target_balance FROM wallet.deposit(account_id => 1, amount => 100);

SELECT id, amount, source_balance, target_balance
FROM wallet.transfer(source_account_id => 1, target_account_id => 2, amount => 12.345);

SELECT id, amount, source_balance FROM wallet.withdraw(account_id => 2, amount => 2.35);

-- More than the account holds.
SELECT wallet.transfer(1, 2, 500);
\echo :LAST_ERROR_SQLSTATE

-- More than the account may hold.
SELECT wallet.deposit(1, 999999.99);
\echo :LAST_ERROR_SQLSTATE

-- An amount that is no amount.
SELECT wallet.transfer(1, 2, 'NaN');
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(1, 2, 0.004);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(1, 2, NULL);
\echo :LAST_ERROR_SQLSTATE

-- From an account to itself; to an account that is not there.
SELECT wallet.transfer(1, 1, 5);
\echo :LAST_ERROR_SQLSTATE
SELECT wallet.transfer(1, 3, 5);
\echo :LAST_ERROR_SQLSTATE

-- An email that is no address.
SELECT wallet.create_account('ada');
\echo :LAST_ERROR_SQLSTATE

-- The refused calls have left no trace.
SELECT id, balance, entry_count FROM wallet.account ORDER BY id;
