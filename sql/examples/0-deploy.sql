-- From a bare PostgreSQL to the first correction, by the three kinds of people who may deploy.
-- Each part ends with a revert. It is for a server that has no wallet yet, and whose pg_hba.conf lets
-- every role in without a password. At the top of the checkout, with PGHOST and PGUSER set for a
-- superuser and for Sqitch:
--
--   psql --dbname=postgres --quiet --echo-all <sql/examples/0-deploy.sql
\set SHOW_CONTEXT never

-- 1. As a superuser. Each change is verified and has a line; the last one is shown.
CREATE DATABASE wallet;
\setenv PGDATABASE wallet
\c wallet
\! sqitch deploy db:pg: | tail -n 1
\! sqitch verify db:pg: | tail -n 1
SELECT wallet.version() = '0.5.0' AS is_deployed;
SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname LIKE 'wallet%' ORDER BY 1;

-- The service's role needs a password: \password wallet_app asks for it. Then start the service.
-- A person who may freeze, cancel and correct:
CREATE ROLE wallet_operator NOLOGIN;
GRANT wallet_reader TO wallet_operator;
GRANT EXECUTE ON FUNCTION wallet.freeze_account, wallet.unfreeze_account, wallet.set_email,
    wallet.cancel_pending, wallet.reverse(bigint) TO wallet_operator;
CREATE ROLE ada LOGIN IN ROLE wallet_operator;

-- What the service does at a client's request:
\c - wallet_app
SELECT id FROM wallet.create_account('bob@example.com');
SELECT id FROM wallet.create_account('carol@example.com');
SELECT id, amount, target_balance FROM wallet.deposit(1, 100);
SELECT id, amount, source_balance FROM wallet.transfer(1, 2, 30);
SELECT * FROM wallet.account;

-- The transfer was wrong. Who corrects it may read everything, and move no other money.
\c - ada
SELECT function, arguments FROM wallet.help WHERE function = 'reverse' ORDER BY arguments;
SELECT id, frozen FROM wallet.freeze_account(2);
SELECT wallet.reverse(transaction_id => 2);
SELECT id, frozen FROM wallet.unfreeze_account(2);
SELECT id FROM wallet.reverse(transaction_id => 2);
SELECT id, kind, amount, reverses, actor FROM wallet.recent_transaction LIMIT 2;
SELECT event, account_id, actor FROM wallet.event_log ORDER BY id;
SELECT * FROM wallet.audit();
SELECT wallet.deposit(2, 1000);
UPDATE wallet.account SET balance = 1000 WHERE id = 2;

-- A ledger that holds something is not dropped by mistake.
\c - postgres
\! sqitch revert -y db:pg: 2>&1 | grep -o 'ERROR: .*'
\setenv PGOPTIONS '-c wallet.lose_data=on'
\! sqitch revert -y db:pg: | tail -n 1
\c postgres
DROP DATABASE wallet;
DROP ROLE ada, wallet_operator;

-- 2. Whoever deploys and is no superuser needs CREATEROLE, and a database to own. To show it,
-- the first changes are enough.
CREATE ROLE deployer LOGIN CREATEROLE;
CREATE DATABASE wallet OWNER deployer;
\setenv PGUSER deployer
\! sqitch deploy --to schema db:pg:
\! sqitch revert -y db:pg: | tail -n 1
SELECT rolname FROM pg_roles WHERE rolname LIKE 'wallet%';

-- 3. Where somebody else makes the roles, these four lines are theirs to run. Whoever deploys then
-- needs no CREATEROLE.
CREATE ROLE wallet_owner NOLOGIN;
CREATE ROLE wallet_app LOGIN CONNECTION LIMIT 80;
CREATE ROLE wallet_reader LOGIN CONNECTION LIMIT 15;
GRANT wallet_owner TO deployer;
ALTER ROLE deployer NOCREATEROLE;
\! sqitch deploy --to schema db:pg:
-- The roles stay, for whoever made them.
\! sqitch revert -y db:pg: 2>&1 | grep -o 'role .* stays'
DROP DATABASE wallet;
DROP ROLE deployer, wallet_app, wallet_reader, wallet_owner;
