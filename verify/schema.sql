-- Verify pgwallet:schema on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_namespace n
WHERE n.nspname = 'wallet' AND n.nspowner = 'wallet_owner'::regrole
  AND has_schema_privilege('wallet_app', n.oid, 'USAGE')
  AND has_schema_privilege('wallet_reader', n.oid, 'USAGE')
  AND NOT has_schema_privilege('wallet_app', n.oid, 'CREATE')
  AND NOT has_schema_privilege('wallet_reader', n.oid, 'CREATE');

SELECT 1 / count(*)
FROM pg_default_acl d
WHERE d.defaclrole = 'wallet_owner'::regrole AND d.defaclobjtype = 'f' AND d.defaclnamespace = 0
  AND NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) acl WHERE acl.grantee <> d.defaclrole);

ROLLBACK;
