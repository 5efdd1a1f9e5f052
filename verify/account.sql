-- Verify pgwallet:account on pg

BEGIN;

SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count FROM wallet.account a WHERE false;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.account'::regclass AND c.relowner = 'wallet_owner'::regrole;

SELECT 1 / (count(*) = 4)::int
FROM pg_constraint c
WHERE c.conrelid = 'wallet.account'::regclass
  AND c.convalidated
  AND c.conname IN (
      'account_pkey', 'account_email_length', 'account_balance_range', 'account_entry_count_range'
  );

SELECT 1 / (NOT has_any_column_privilege('wallet_app', 'wallet.account',
    'SELECT, INSERT, UPDATE, REFERENCES'))::int;
SELECT 1 / (NOT has_table_privilege('wallet_app', 'wallet.account',
    'DELETE, TRUNCATE, TRIGGER'))::int;

ROLLBACK;
