-- Verify pgwallet:transaction on pg

BEGIN;

SELECT t.id, t.source_account_id, t.target_account_id, t.amount, t.ctime,
       t.source_entry, t.target_entry, t.source_balance, t.target_balance
FROM wallet.transaction t
WHERE false;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.transaction'::regclass AND c.relowner = 'wallet_owner'::regrole;

SELECT 1 / (count(*) = 8)::int
FROM pg_constraint c
WHERE c.conrelid = 'wallet.transaction'::regclass
  AND c.convalidated
  AND c.conname IN (
      'transaction_pkey',
      'transaction_source_account_id_fkey', 'transaction_target_account_id_fkey',
      'transaction_amount_range', 'transaction_two_accounts', 'transaction_source_complete',
      'transaction_entry_range', 'transaction_balance_range'
  );

SELECT 1 / (count(*) = 2)::int
FROM pg_index i
WHERE i.indexrelid IN (
    to_regclass('wallet.transaction_source_entry'), to_regclass('wallet.transaction_target_entry')
) AND i.indisunique AND i.indisvalid;

SELECT 1 / (NOT has_any_column_privilege('wallet_app', 'wallet.transaction',
    'SELECT, INSERT, UPDATE, REFERENCES'))::int;
SELECT 1 / (NOT has_table_privilege('wallet_app', 'wallet.transaction',
    'DELETE, TRUNCATE, TRIGGER'))::int;

ROLLBACK;
