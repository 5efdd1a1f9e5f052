-- Verify pgwallet:help on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_class c
WHERE c.oid = 'wallet.help'::regclass AND c.relowner = 'wallet_owner'::regrole
  AND has_table_privilege('wallet_reader', c.oid, 'SELECT')
  AND NOT has_table_privilege('wallet_app', c.oid, 'SELECT');

ROLLBACK;
