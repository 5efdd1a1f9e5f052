-- Verify pgwallet:failed_transfer on pg

BEGIN;

SELECT f.id, f.source_account_id, f.target_account_id, f.amount, f.ctime,
       f.sqlstate, f.message, f.detail, f.hint
FROM wallet.failed_transfer f WHERE false;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.failed_transfer'::regclass
  AND c.relowner = 'wallet_owner'::regrole
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_any_column_privilege('wallet_reader', c.oid, 'INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_reader', c.oid, 'DELETE, TRUNCATE, TRIGGER')
  AND NOT has_any_column_privilege('wallet_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_app', c.oid, 'DELETE, TRUNCATE, TRIGGER');

SELECT 1 / count(*)
FROM pg_constraint c
WHERE c.conrelid = 'wallet.failed_transfer'::regclass AND c.conname = 'failed_transfer_pkey';

-- On UPDATE, DELETE and TRUNCATE (8 + 16 + 32), before the statement (2), always.
SELECT 1 / count(*)
FROM pg_trigger t
WHERE t.tgrelid = 'wallet.failed_transfer'::regclass
  AND t.tgfoid = 'wallet.keep_history'::regproc
  AND t.tgtype = 2 + 8 + 16 + 32
  AND t.tgenabled = 'A';

ROLLBACK;
