-- Deploy pgwallet_citus:account_wait to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- Whoever waits for a row waits on its worker. The name of a worker's session holds the process id
-- that it has on the coordinator; 0 stands for a transaction that is prepared.
CREATE OR REPLACE VIEW wallet.account_wait AS
SELECT NULL::bigint AS account_id, w.pid, s.usename AS role,
       coalesce(clock_timestamp() - w.since, interval '0') AS waiting, w.blocked_by,
       left(s.query, 80) AS query
FROM run_command_on_workers($$
    SELECT jsonb_agg(jsonb_build_object(
        'pid', right(a.application_name, 10)::bigint, 'since', l.waitstart,
        'blocked_by', ARRAY(
            SELECT coalesce(right(b.application_name, 10)::bigint, 0)
            FROM unnest(pg_blocking_pids(a.pid)) AS p (pid)
            LEFT JOIN pg_stat_activity b ON b.pid = p.pid
                AND b.application_name ~ '^citus_internal gpid=')))
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE NOT l.granted AND l.locktype IN ('tuple', 'transactionid')
      AND a.datname = current_database() AND a.application_name ~ '^citus_internal gpid='
$$) n
CROSS JOIN LATERAL jsonb_to_recordset(CASE WHEN n.success THEN nullif(n.result, '')::jsonb END)
    AS w (pid int, since timestamptz, blocked_by int[])
LEFT JOIN pg_stat_activity s ON s.pid = w.pid
ORDER BY waiting DESC;

COMMIT;
