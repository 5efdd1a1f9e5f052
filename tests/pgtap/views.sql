-- The views and the types that functions return: their columns, all of them and no others.
--
-- A DBA's own queries and scripts name these columns. A column may be added at the end; one that is
-- renamed, moved or given another type breaks them.
--
--   CREATE EXTENSION pgtap;  \i tests/pgtap/views.sql

BEGIN;

SELECT plan(18);

CREATE TEMPORARY VIEW shape AS
SELECT c.relname AS relation,
       string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                  ORDER BY a.attnum) AS columns
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('v', 'c')
GROUP BY c.relname;

CREATE FUNCTION pg_temp.shape_is(relation text, VARIADIC columns text[])
RETURNS text
LANGUAGE sql
AS $$
SELECT is(s.columns, array_to_string(shape_is.columns, ', '), 'columns of ' || shape_is.relation)
FROM (SELECT shape_is.relation) AS r (name)
LEFT JOIN shape s ON s.relation = r.name
$$;

SELECT views_are('wallet', ARRAY[
    'entry', 'account_overview', 'recent_transaction', 'daily_activity', 'largest_account',
    'account_wait', 'size_per_transaction', 'queue', 'queue_stats'
]);
SELECT pg_temp.shape_is('entry',
    'account_id bigint', 'entry bigint', 'transaction_id bigint', 'counterparty_account_id bigint',
    'amount numeric', 'balance numeric', 'ctime timestamp with time zone'
);
SELECT pg_temp.shape_is('account_overview',
    'id bigint', 'email text', 'balance numeric(8,2)', 'frozen boolean', 'entry_count bigint',
    'opened timestamp with time zone', 'last_entry timestamp with time zone'
);
SELECT pg_temp.shape_is('recent_transaction',
    'id bigint', 'ctime timestamp with time zone', 'kind text', 'source_account_id bigint',
    'target_account_id bigint', 'amount numeric(8,2)', 'reverses bigint'
);
SELECT pg_temp.shape_is('daily_activity',
    'day date', 'transactions bigint', 'deposits bigint', 'withdrawals bigint',
    'paid_in numeric', 'paid_out numeric', 'transferred numeric'
);
SELECT pg_temp.shape_is('largest_account',
    'id bigint', 'email text', 'balance numeric(8,2)', 'entry_count bigint'
);
SELECT pg_temp.shape_is('account_wait',
    'account_id bigint', 'pid integer', 'role name', 'waiting interval', 'blocked_by integer[]',
    'query text'
);
SELECT pg_temp.shape_is('size_per_transaction',
    'relation name', 'kind text', 'bytes bigint', 'bytes_per_transaction numeric'
);
SELECT pg_temp.shape_is('queue',
    'position bigint', 'id bigint', 'source_account_id bigint', 'target_account_id bigint',
    'amount numeric(8,2)', 'ctime timestamp with time zone', 'waiting interval'
);
SELECT pg_temp.shape_is('queue_stats',
    'pending bigint', 'amount numeric', 'oldest timestamp with time zone', 'waiting interval',
    'failed bigint', 'cancelled bigint', 'last_failure timestamp with time zone'
);

SELECT types_are('wallet', ARRAY['refusal', 'statement_line', 'violation', 'answer',
                                 'transfer_request', 'outcome']);
SELECT pg_temp.shape_is('refusal', 'sqlstate text', 'message text', 'detail text', 'hint text');
SELECT pg_temp.shape_is('statement_line',
    'entry bigint', 'transaction_id bigint', 'kind text', 'counterparty_account_id bigint',
    'amount numeric', 'balance numeric', 'ctime timestamp with time zone'
);
SELECT pg_temp.shape_is('violation',
    'violation text', 'account_id bigint', 'transaction_id bigint', 'detail text'
);
SELECT pg_temp.shape_is('answer',
    'replayed boolean', 'account wallet.account', 'transaction wallet.transaction',
    'refusal wallet.refusal', 'outcomes wallet.outcome[]'
);
SELECT pg_temp.shape_is('transfer_request',
    'source_account_id bigint', 'target_account_id bigint', 'amount numeric'
);
SELECT pg_temp.shape_is('outcome',
    'id bigint', 'source_account_id bigint', 'target_account_id bigint', 'amount numeric',
    'ctime timestamp with time zone', 'source_entry bigint', 'target_entry bigint',
    'source_balance numeric', 'target_balance numeric', 'state text', 'sqlstate text',
    'message text', 'detail text', 'hint text'
);

SELECT is_empty(
    $$ SELECT c.relname FROM pg_class c
       WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('v', 'c')
         AND coalesce(obj_description(c.oid, 'pg_class'), obj_description(c.reltype, 'pg_type'))
             IS NULL $$,
    'every view and every type has a comment'
);

SELECT * FROM finish();

ROLLBACK;
