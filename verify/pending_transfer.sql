-- Verify pgwallet:pending_transfer on pg

BEGIN;

SELECT p.id, p.source_account_id, p.target_account_id, p.amount, p.ctime
FROM wallet.pending_transfer p WHERE false;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.pending_transfer'::regclass
  AND c.relowner = 'wallet_owner'::regrole
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_any_column_privilege('wallet_reader', c.oid, 'INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_reader', c.oid, 'DELETE, TRUNCATE, TRIGGER')
  AND NOT has_any_column_privilege('wallet_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_app', c.oid, 'DELETE, TRUNCATE, TRIGGER');

SELECT 1 / count(*)
FROM pg_constraint c
WHERE c.conrelid = 'wallet.pending_transfer'::regclass AND c.conname = 'pending_transfer_pkey';

-- Its ids are those of transactions.
SELECT 1 / count(*)
FROM pg_attrdef d
WHERE d.adrelid = 'wallet.pending_transfer'::regclass
  AND pg_get_expr(d.adbin, d.adrelid) LIKE '%transaction_id_seq%';

ROLLBACK;
