-- Deploy pgwallet_citus:nodes to pg
-- requires: idempotency_key

BEGIN;

-- The functions are SECURITY DEFINER, so the coordinator comes to the workers as wallet_owner. It
-- may log in there, and not on the coordinator, where clients are: let the workers' pg_hba.conf admit
-- the nodes alone. Citus takes the role to the workers as it is on the coordinator whenever a node
-- or a table is added: this is to be called then.
CREATE FUNCTION wallet.set_up_nodes()
RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM run_command_on_workers(format($command$
            DO $worker$
            BEGIN
                SET LOCAL citus.enable_ddl_propagation = off;
                SET LOCAL citus.enable_alter_role_propagation = off;
                SET LOCAL citus.enable_alter_role_set_propagation = off;
                ALTER ROLE wallet_owner LOGIN;
                GRANT CONNECT ON DATABASE %1$I TO wallet_owner;
                REVOKE CONNECT, TEMPORARY ON DATABASE %1$I FROM PUBLIC;
            END
            $worker$
        $command$, current_database())) n
        WHERE NOT n.success)
    THEN
        RAISE EXCEPTION 'a worker does not answer: SELECT * FROM citus_check_cluster_node_health()';
    END IF;

    -- The rows are locked in one order before they are written, so that Citus need not keep the
    -- statements of one shard apart.
    EXECUTE format('ALTER DATABASE %I SET citus.all_modifications_commutative = on',
                   current_database());
    -- Citus cannot run every statement from a plan that serves any values, which PostgreSQL may
    -- choose after the fifth call.
    EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_custom_plan',
                   current_database());
    -- SET LOCAL lock_timeout reaches the workers.
    EXECUTE format('ALTER DATABASE %I SET citus.propagate_set_commands = local',
                   current_database());
    -- One connection a worker, and so one part of a two-phase commit for each worker.
    EXECUTE format('ALTER DATABASE %I SET citus.max_adaptive_executor_pool_size = 1',
                   current_database());
END
$$;

COMMENT ON FUNCTION wallet.set_up_nodes() IS
    'Lets wallet_owner log in on the workers, and sets what the database needs on the coordinator; '
    'for a superuser, after a node was added or a database cloned';

REVOKE ALL ON FUNCTION wallet.set_up_nodes() FROM PUBLIC;

SELECT wallet.set_up_nodes();

CREATE SCHEMA wallet_plain AUTHORIZATION wallet_owner;
COMMENT ON SCHEMA wallet_plain IS
    'Functions of the ledger as they are on one PostgreSQL; those of the same name in schema '
    'wallet call them';

COMMIT;
