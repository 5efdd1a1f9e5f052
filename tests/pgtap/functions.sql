-- The functions: their arguments, results and rules, all of them and no others.
--
-- Callers name the parameters, so a name is as binding as a type. What money rests on is that
-- those which callers may execute are SECURITY DEFINER with a pinned search_path, and that none is
-- STRICT: that would answer NULL to a NULL instead of refusing it.
--
--   CREATE EXTENSION pgtap;  \i tests/pgtap/functions.sql

BEGIN;

SELECT plan(8);

CREATE TEMPORARY VIEW wallet_function AS
SELECT p.oid, p.proname::text AS name, pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS result, l.lanname::text AS language,
       CASE p.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable'
           ELSE 'immutable' END AS volatility,
       p.prosecdef AS is_definer, p.proisstrict AS is_strict, p.prokind AS kind,
       p.proconfig AS settings
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'wallet'::regnamespace;

SELECT functions_are('wallet', ARRAY[
    'create_account', 'get_account', 'find_accounts', 'freeze_account', 'unfreeze_account',
    'deposit', 'withdraw', 'transfer', 'reverse', 'get_transaction', 'get_statement', 'balance_at',
    'audit', 'audit_entries', 'audit_transactions', 'audit_reversals', 'audit_queue',
    'post', 'valid_amount', 'refusal', 'keep_history',
    'once', 'attempt', 'purge_idempotency_keys',
    'transfer_batch', 'lock_accounts', 'decide_batch', 'write_batch',
    'enqueue_transfer', 'transfer_or_enqueue', 'settle', 'cancel_pending', 'get_outcome'
]);
SELECT set_eq(
    $$ SELECT name, arguments, result FROM wallet_function $$,
    $$ VALUES
    ('create_account', 'email text', 'wallet.account'),
    ('get_account', 'id bigint', 'wallet.account'),
    ('find_accounts', 'email text', 'SETOF wallet.account'),
    ('freeze_account', 'id bigint', 'wallet.account'),
    ('unfreeze_account', 'id bigint', 'wallet.account'),
    ('deposit', 'account_id bigint, amount numeric', 'wallet.transaction'),
    ('withdraw', 'account_id bigint, amount numeric', 'wallet.transaction'),
    ('transfer', 'source_account_id bigint, target_account_id bigint, amount numeric',
     'wallet.transaction'),
    ('reverse', 'transaction_id bigint', 'wallet.transaction'),
    ('get_transaction', 'id bigint', 'wallet.transaction'),
    ('get_statement',
     'account_id bigint, before bigint DEFAULT NULL::bigint, page_size integer DEFAULT 50',
     'SETOF wallet.statement_line'),
    ('balance_at', 'account_id bigint, at timestamp with time zone', 'numeric'),
    ('audit', 'account_id bigint DEFAULT NULL::bigint', 'SETOF wallet.violation'),
    ('audit_entries', 'account_id bigint', 'SETOF wallet.violation'),
    ('audit_transactions', 'account_id bigint', 'SETOF wallet.violation'),
    ('audit_reversals', 'account_id bigint', 'SETOF wallet.violation'),
    ('audit_queue', 'account_id bigint', 'SETOF wallet.violation'),
    ('post', 'source_account_id bigint, target_account_id bigint, amount numeric',
     'wallet.transaction'),
    ('valid_amount', 'amount numeric', 'numeric'),
    ('refusal',
     'sqlstate text, id bigint DEFAULT NULL::bigint, balance numeric DEFAULT NULL::numeric, '
     'amount numeric DEFAULT NULL::numeric', 'wallet.refusal'),
    ('keep_history', '', 'trigger'),
    ('create_account', 'email text, idempotency_key text', 'wallet.answer'),
    ('deposit', 'account_id bigint, amount numeric, idempotency_key text', 'wallet.answer'),
    ('withdraw', 'account_id bigint, amount numeric, idempotency_key text', 'wallet.answer'),
    ('transfer',
     'source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text',
     'wallet.answer'),
    ('reverse', 'transaction_id bigint, idempotency_key text', 'wallet.answer'),
    ('once', 'idempotency_key text, operation text, arguments jsonb', 'wallet.answer'),
    ('attempt', 'operation text, arguments jsonb', 'wallet.answer'),
    ('purge_idempotency_keys', 'older_than interval', 'bigint'),
    ('transfer_batch', 'transfers wallet.transfer_request[], atomic boolean',
     'SETOF wallet.outcome'),
    ('transfer_batch',
     'transfers wallet.transfer_request[], atomic boolean, idempotency_key text', 'wallet.answer'),
    ('lock_accounts', 'ids bigint[]', 'SETOF wallet.account'),
    ('decide_batch', 'ids bigint[], transfers wallet.transfer_request[]', 'wallet.outcome[]'),
    ('write_batch', 'outcomes wallet.outcome[]', 'void'),
    ('enqueue_transfer', 'source_account_id bigint, target_account_id bigint, amount numeric',
     'wallet.outcome'),
    ('enqueue_transfer',
     'source_account_id bigint, target_account_id bigint, amount numeric, idempotency_key text',
     'wallet.answer'),
    ('transfer_or_enqueue',
     'source_account_id bigint, target_account_id bigint, amount numeric, wait numeric',
     'wallet.outcome'),
    ('transfer_or_enqueue',
     'source_account_id bigint, target_account_id bigint, amount numeric, wait numeric, '
     'idempotency_key text', 'wallet.answer'),
    ('settle', 'max_items integer', 'bigint'),
    ('cancel_pending', 'id bigint', 'wallet.outcome'),
    ('get_outcome', 'id bigint', 'wallet.outcome') $$,
    'arguments and results; the only overloads are those with a key'
);
SELECT set_eq(
    $$ SELECT name, language, volatility, is_definer FROM wallet_function
       WHERE result <> 'wallet.answer' $$,
    $$ VALUES
    ('create_account',     'plpgsql', 'volatile',  true),
    ('get_account',        'plpgsql', 'stable',    true),
    ('find_accounts',      'plpgsql', 'stable',    true),
    ('freeze_account',     'plpgsql', 'volatile',  true),
    ('unfreeze_account',   'plpgsql', 'volatile',  true),
    ('deposit',            'plpgsql', 'volatile',  true),
    ('withdraw',           'plpgsql', 'volatile',  true),
    ('transfer',           'plpgsql', 'volatile',  true),
    ('reverse',            'plpgsql', 'volatile',  true),
    ('get_transaction',    'plpgsql', 'stable',    true),
    ('get_statement',      'plpgsql', 'stable',    true),
    ('balance_at',         'plpgsql', 'stable',    true),
    ('audit',              'plpgsql', 'stable',    true),
    ('audit_entries',      'sql',     'stable',    false),
    ('audit_transactions', 'sql',     'stable',    false),
    ('audit_reversals',    'sql',     'stable',    false),
    ('audit_queue',        'sql',     'stable',    false),
    ('post',               'plpgsql', 'volatile',  false),
    ('valid_amount',       'plpgsql', 'immutable', false),
    ('refusal',            'plpgsql', 'immutable', false),
    ('keep_history',       'plpgsql', 'volatile',  false),
    ('purge_idempotency_keys', 'plpgsql', 'volatile', true),
    ('transfer_batch',     'plpgsql', 'volatile',  true),
    ('lock_accounts',      'sql',     'volatile',  false),
    ('decide_batch',       'plpgsql', 'volatile',  false),
    ('write_batch',        'plpgsql', 'volatile',  false),
    ('enqueue_transfer',   'plpgsql', 'volatile',  true),
    ('transfer_or_enqueue', 'plpgsql', 'volatile', true),
    ('settle',             'plpgsql', 'volatile',  true),
    ('cancel_pending',     'plpgsql', 'volatile',  true),
    -- One snapshot for all its statements: what moves from table to table is not missed.
    ('get_outcome',        'plpgsql', 'stable',    true) $$,
    'language, volatility and whose rights they run with'
);
SELECT set_eq(
    $$ SELECT name, language, volatility, is_definer FROM wallet_function
       WHERE result = 'wallet.answer' $$,
    $$ VALUES
    ('create_account', 'plpgsql', 'volatile', true),
    ('deposit',        'plpgsql', 'volatile', true),
    ('withdraw',       'plpgsql', 'volatile', true),
    ('transfer',       'plpgsql', 'volatile', true),
    ('reverse',        'plpgsql', 'volatile', true),
    ('transfer_batch', 'plpgsql', 'volatile', true),
    ('enqueue_transfer', 'plpgsql', 'volatile', true),
    ('transfer_or_enqueue', 'plpgsql', 'volatile', true),
    ('once',           'plpgsql', 'volatile', false),
    ('attempt',        'plpgsql', 'volatile', false) $$,
    'the same of those that give an answer'
);
SELECT is_empty(
    $$ SELECT name FROM wallet_function WHERE is_strict OR kind <> 'f' $$,
    'all are plain functions, and none answers NULL to a NULL'
);
SELECT is_empty(
    $$ SELECT name, settings FROM wallet_function
       WHERE is_definer
         AND coalesce(settings[1] <> 'search_path=wallet, pg_temp', true) $$,
    'whichever runs with its owner''s rights pins the search_path, pg_temp last'
);
SELECT set_eq(
    $$ SELECT name, setting FROM wallet_function, unnest(settings) AS s (setting)
       WHERE setting NOT LIKE 'search_path=%' $$,
    $$ VALUES
    ('audit',        'plan_cache_mode=force_custom_plan'),
    ('decide_batch', 'plan_cache_mode=force_custom_plan'),
    ('write_batch',  'plan_cache_mode=force_custom_plan'),
    ('transfer_or_enqueue', 'lock_timeout=0') $$,
    'no function changes another setting of the session''s, but some their own plans'' and one '
    'how long it waits'
);
SELECT is_empty(
    $$ SELECT name FROM wallet_function
       WHERE coalesce(obj_description(oid, 'pg_proc'), '') NOT LIKE '%. Refusals: %' $$,
    'every function has a comment, which says what it may refuse'
);

SELECT * FROM finish();

ROLLBACK;
