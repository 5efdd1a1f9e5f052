-- Verify pgwallet:roles on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_roles r
WHERE r.rolname = 'wallet_owner'
  AND NOT (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb
           OR r.rolreplication OR r.rolbypassrls);

SELECT 1 / count(*)
FROM pg_roles r
WHERE r.rolname = 'wallet_app'
  AND NOT (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls);

SELECT 1 / (NOT pg_has_role('wallet_app', 'wallet_owner', 'MEMBER'))::int;

-- Explicitly, not by way of PUBLIC: the roles outlive a revert when another database uses them.
SELECT 1 / (count(*) = 2)::int
FROM pg_database d, aclexplode(d.datacl) acl
WHERE d.datname = current_database()
  AND acl.grantee IN ('wallet_app'::regrole, 'wallet_owner'::regrole)
  AND acl.privilege_type = 'CONNECT';

ROLLBACK;
