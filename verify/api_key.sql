-- Verify pgwallet:api_key on pg

BEGIN;

-- The hashes are nobody's but the owner's.
SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.api_key'::regclass AND c.relowner = 'wallet_owner'::regrole
  AND NOT has_any_column_privilege('wallet_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_any_column_privilege('wallet_reader', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
  AND NOT has_table_privilege('wallet_app', c.oid, 'DELETE, TRUNCATE, TRIGGER')
  AND NOT has_table_privilege('wallet_reader', c.oid, 'DELETE, TRUNCATE, TRIGGER');

ROLLBACK;
