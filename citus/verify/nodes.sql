-- Verify pgwallet_citus:nodes on pg

BEGIN;

SELECT 1 / (count(*) > 0 AND bool_and(n.success AND n.result = 't'))::int
FROM run_command_on_workers(
    'SELECT rolcanlogin FROM pg_roles WHERE rolname = ''wallet_owner''') n;

SELECT 1 / count(*)
FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = 0
JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
WHERE r.rolname = 'wallet_owner' AND NOT r.rolcanlogin
  AND 'citus.all_modifications_commutative=on' = ANY (s.setconfig);

ROLLBACK;
