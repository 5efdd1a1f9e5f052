-- Verify pgwallet:idempotency_key on pg

BEGIN;

SELECT k.key, k.request, k.answer, k.ctime FROM wallet.idempotency_key k WHERE false;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.idempotency_key'::regclass
  AND c.relowner = 'wallet_owner'::regrole
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_any_column_privilege('wallet_reader', c.oid, 'INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_reader', c.oid, 'DELETE, TRUNCATE, TRIGGER')
  AND NOT has_any_column_privilege('wallet_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_app', c.oid, 'DELETE, TRUNCATE, TRIGGER');

SELECT 1 / (count(*) = 2)::int
FROM pg_constraint c
WHERE c.conrelid = 'wallet.idempotency_key'::regclass
  AND c.conname IN ('idempotency_key_pkey', 'idempotency_key_printable');

SELECT 1 / count(*)
FROM pg_index i
WHERE i.indexrelid = to_regclass('wallet.idempotency_key_ctime') AND i.indisvalid;

ROLLBACK;
