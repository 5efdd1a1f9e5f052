-- Verify pgwallet:reader on pg

BEGIN;

SELECT 1 / has_schema_privilege('wallet_reader', 'wallet', 'USAGE')::int;
SELECT 1 / has_table_privilege('wallet_reader', 'wallet.account', 'SELECT')::int;
SELECT 1 / has_table_privilege('wallet_reader', 'wallet.transaction', 'SELECT')::int;
SELECT 1 / (NOT has_table_privilege('wallet_reader', 'wallet.transaction',
    'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))::int;
SELECT 1 / (NOT has_table_privilege('wallet_reader', 'wallet.account',
    'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))::int;

ROLLBACK;
