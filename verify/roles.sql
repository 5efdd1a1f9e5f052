-- Verify pgwallet:roles on pg

BEGIN;

SELECT 1 / (count(*) = 3)::int
FROM pg_roles r
WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
  AND r.rolcanlogin = (r.rolname <> 'wallet_owner')
  AND NOT (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls);

SELECT 1 / (NOT pg_has_role('wallet_app', 'wallet_owner', 'MEMBER')
            AND NOT pg_has_role('wallet_reader', 'wallet_owner', 'MEMBER'))::int;

-- Granted by name, not by way of PUBLIC, so that the roles outlive a revert elsewhere.
SELECT 1 / (count(*) = 3)::int
FROM pg_database d, aclexplode(d.datacl) acl
WHERE d.datname = current_database()
  AND acl.grantee IN ('wallet_app'::regrole, 'wallet_reader'::regrole, 'wallet_owner'::regrole)
  AND acl.privilege_type = 'CONNECT';

SELECT 1 / (NOT has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY'))::int;

ROLLBACK;
