-- Verify pgwallet:roles on pg

BEGIN;

SELECT 1 / (count(*) = 3)::int
FROM pg_roles r
WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
  AND r.rolcanlogin = (r.rolname <> 'wallet_owner')
  AND NOT (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls);

SELECT 1 / (NOT pg_has_role('wallet_app', 'wallet_owner', 'MEMBER')
            AND NOT pg_has_role('wallet_reader', 'wallet_owner', 'MEMBER'))::int;

-- Granted by name, not by way of PUBLIC, so that the roles outlive a revert elsewhere. A copy of the
-- database can be without it: then this says what to run.
DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) INTO v_missing
    FROM pg_roles r
    WHERE r.rolname IN ('wallet_app', 'wallet_reader', 'wallet_owner') AND NOT EXISTS (
        SELECT FROM pg_database d, aclexplode(d.datacl) acl
        WHERE d.datname = current_database() AND acl.grantee = r.oid
          AND acl.privilege_type = 'CONNECT');
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = format('%s may not connect by name', v_missing),
            HINT = format('GRANT CONNECT ON DATABASE %I TO %s;', current_database(), v_missing);
    ELSIF has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY') THEN
        RAISE EXCEPTION USING MESSAGE = 'everybody may connect or make temporary tables',
            HINT = format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC;',
                          current_database());
    END IF;
END
$$;

ROLLBACK;
