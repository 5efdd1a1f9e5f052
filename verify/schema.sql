-- Verify pgwallet:schema on pg

BEGIN;

SELECT 1 / has_schema_privilege('wallet_app', 'wallet', 'USAGE')::int;
SELECT 1 / (NOT has_schema_privilege('wallet_app', 'wallet', 'CREATE'))::int;

SELECT 1 / count(*)
FROM pg_namespace n
WHERE n.nspname = 'wallet' AND n.nspowner = 'wallet_owner'::regrole;

-- Nobody but the owner may execute a new function.
SELECT 1 / count(*)
FROM pg_default_acl d
WHERE d.defaclrole = 'wallet_owner'::regrole AND d.defaclobjtype = 'f' AND d.defaclnamespace = 0
  AND NOT EXISTS (
      SELECT 1 FROM aclexplode(d.defaclacl) acl WHERE acl.grantee <> d.defaclrole
  );

ROLLBACK;
