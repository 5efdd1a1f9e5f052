-- Verify pgwallet:schema on pg

BEGIN;

SELECT 1 / has_schema_privilege('wallet_app', 'wallet', 'USAGE')::int;
SELECT 1 / (NOT has_schema_privilege('wallet_app', 'wallet', 'CREATE'))::int;

SELECT 1 / count(*)
FROM pg_namespace n
WHERE n.nspname = 'wallet' AND n.nspowner = 'wallet_owner'::regrole;

SELECT 1 / count(*)
FROM pg_default_acl d
WHERE d.defaclrole = 'wallet_owner'::regrole AND d.defaclobjtype = 'f' AND d.defaclnamespace = 0;

ROLLBACK;
