-- A statement page by page, a balance as of a moment, and an audit of the whole ledger.
-- Run it as a superuser, in psql at the top of the checkout: \i sql/examples/4-statement-and-audit.sql
\set SHOW_CONTEXT never

SELECT id AS ada FROM wallet.create_account('Ada@example.com') \gset
SELECT id AS bob FROM wallet.create_account('bob@example.com') \gset
SELECT id FROM wallet.deposit(:ada, 100);
SELECT id AS transfer FROM wallet.transfer(:ada, :bob, 30) \gset
SELECT ctime AS then FROM wallet.transfer(:bob, :ada, 5) \gset
SELECT id AS withdrawal FROM wallet.withdraw(:ada, 25) \gset
SELECT id FROM wallet.reverse(:withdrawal);

SELECT id, email, balance FROM wallet.find_accounts('ada@EXAMPLE.com', after => :ada - 1);

SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance
FROM wallet.get_statement(account_id => :ada, page_size => 3);

-- The next page: before the last entry of this one.
SELECT entry, transaction_id, kind, counterparty_account_id, amount, balance
FROM wallet.get_statement(account_id => :ada, before => 3, page_size => 3);

SELECT wallet.balance_at(account_id => :ada, at => :'then');

-- Sound: no row.
SELECT * FROM wallet.audit();

-- A superuser changes history; the audit names the damage.
BEGIN;
SET LOCAL wallet.change_history = on;
UPDATE wallet.transaction SET amount = 31.00 WHERE id = :transfer;
UPDATE wallet.account SET balance = balance + 1000 WHERE id = :bob;
SELECT violation, account_id, transaction_id, detail FROM wallet.audit();
ROLLBACK;
