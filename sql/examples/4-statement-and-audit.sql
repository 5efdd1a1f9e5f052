-- A statement page by page, a balance as of a moment, and an audit of the whole ledger.
\set SHOW_CONTEXT never

SELECT id FROM wallet.create_account('Ada@example.com');
SELECT id FROM wallet.create_account('bob@example.com');
SELECT id FROM wallet.deposit(1, 100);
SELECT id FROM wallet.transfer(1, 2, 30);
SELECT ctime AS then FROM wallet.transfer(2, 1, 5) \gset
SELECT id FROM wallet.withdraw(1, 25);
SELECT id FROM wallet.reverse(4);

SELECT id, email, balance FROM wallet.find_accounts('ada@EXAMPLE.com');

SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance
FROM wallet.get_statement(account_id => 1, page_size => 3);

-- The next page: before the last entry of this one.
SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance
FROM wallet.get_statement(account_id => 1, before => 3, page_size => 3);

SELECT wallet.balance_at(account_id => 1, at => :'then');

-- Sound: no row.
SELECT * FROM wallet.audit();

-- A superuser changes history; the audit names the damage.
BEGIN;
SET LOCAL wallet.change_history = on;
UPDATE wallet.transaction SET amount = 31.00 WHERE id = 2;
UPDATE wallet.account SET balance = balance + 1000 WHERE id = 2;
SELECT violation, account_id, transaction_id, detail FROM wallet.audit();
ROLLBACK;
