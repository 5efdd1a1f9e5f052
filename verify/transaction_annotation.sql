-- Verify pgwallet:transaction_annotation on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.transaction_annotation'::regclass AND c.relowner = 'wallet_owner'::regrole
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_any_column_privilege('wallet_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_app', c.oid, 'DELETE, TRUNCATE, TRIGGER');

ROLLBACK;
