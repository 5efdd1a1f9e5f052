-- Verify pgwallet:withdrawal on pg

BEGIN;

SELECT 1 / (count(*) = 2)::int
FROM pg_constraint c
WHERE c.conrelid = 'wallet.transaction'::regclass
  AND c.convalidated
  AND c.conname IN ('transaction_target_complete', 'transaction_some_account');

SELECT 1 / (count(*) = 3)::int
FROM pg_attribute a
WHERE a.attrelid = 'wallet.transaction'::regclass
  AND NOT a.attnotnull
  AND a.attname IN ('target_account_id', 'target_entry', 'target_balance');

ROLLBACK;
