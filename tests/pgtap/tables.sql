-- The tables: their columns, constraints, indexes and triggers, all of them and no others.
--
-- A change of the schema changes this file too, on purpose: what is added to a money table is
-- looked at twice. tests/sql/test_constraints.py shows what the constraints refuse.
--
--   CREATE EXTENSION pgtap;  \i tests/pgtap/tables.sql

BEGIN;

SELECT plan(22);

-- What comes from a catalog compares as C, and as nothing with what does not, unless told.
CREATE TEMPORARY VIEW table_column AS
SELECT c.relname AS relation, a.attnum AS number, a.attname::text COLLATE "default" AS name,
       format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS is_required,
       CASE a.attidentity WHEN 'a' THEN 'identity'
           ELSE pg_get_expr(d.adbin, d.adrelid) COLLATE "default" END AS value
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r';

-- Since PostgreSQL 18 a NOT NULL is a constraint too; here it belongs to its column.
CREATE TEMPORARY VIEW table_constraint AS
SELECT c.conrelid::regclass::text AS relation, c.conname::text AS name,
       pg_get_constraintdef(c.oid) AS definition, c.convalidated AS is_valid
FROM pg_constraint c
WHERE c.connamespace = 'wallet'::regnamespace AND c.contype <> 'n';

SELECT has_schema('wallet');
SELECT tables_are('wallet', ARRAY['account', 'transaction', 'reversal', 'idempotency_key',
                                  'pending_transfer', 'failed_transfer']);
SELECT sequences_are('wallet', ARRAY['account_id_seq', 'transaction_id_seq']);

SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'account' ORDER BY number $$,
    $$ VALUES
    ('id',          'bigint',                   true, 'identity'),
    ('email',       'text',                     true, NULL),
    ('balance',     'numeric(8,2)',             true, '0.00'),
    ('ctime',       'timestamp with time zone', true, 'clock_timestamp()'),
    ('mtime',       'timestamp with time zone', true, 'clock_timestamp()'),
    ('entry_count', 'bigint',                   true, '0'),
    ('frozen',      'boolean',                  true, 'false') $$,
    'columns of account'
);
SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'transaction' ORDER BY number $$,
    $$ VALUES
    ('id',                'bigint',                   true,  'identity'),
    ('source_account_id', 'bigint',                   false, NULL),
    ('target_account_id', 'bigint',                   false, NULL),
    ('amount',            'numeric(8,2)',             true,  NULL),
    ('ctime',             'timestamp with time zone', true,  NULL),
    ('source_entry',      'bigint',                   false, NULL),
    ('target_entry',      'bigint',                   false, NULL),
    ('source_balance',    'numeric(8,2)',             false, NULL),
    ('target_balance',    'numeric(8,2)',             false, NULL) $$,
    'columns of transaction'
);
SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'reversal' ORDER BY number $$,
    $$ VALUES
    ('transaction_id', 'bigint', true, NULL::text),
    ('reverses',       'bigint', true, NULL) $$,
    'columns of reversal'
);
SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'idempotency_key' ORDER BY number $$,
    $$ VALUES
    ('key',     'text',                     true,  NULL::text),
    ('request', 'jsonb',                    true,  NULL),
    ('answer',  'jsonb',                    false, NULL),
    ('ctime',   'timestamp with time zone', true,  NULL) $$,
    'columns of idempotency_key'
);
SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'pending_transfer' ORDER BY number $$,
    $$ VALUES
    ('id',                'bigint',                   true,
     'nextval(''wallet.transaction_id_seq''::regclass)'),
    ('source_account_id', 'bigint',                   true, NULL),
    ('target_account_id', 'bigint',                   true, NULL),
    ('amount',            'numeric(8,2)',             true, NULL),
    ('ctime',             'timestamp with time zone', true, NULL) $$,
    'columns of pending_transfer'
);
SELECT results_eq(
    $$ SELECT name, type, is_required, value FROM table_column
       WHERE relation = 'failed_transfer' ORDER BY number $$,
    $$ VALUES
    ('id',                'bigint',                   true, NULL::text),
    ('source_account_id', 'bigint',                   true, NULL),
    ('target_account_id', 'bigint',                   true, NULL),
    ('amount',            'numeric(8,2)',             true, NULL),
    ('ctime',             'timestamp with time zone', true, NULL),
    ('sqlstate',          'text',                     true, NULL),
    ('message',           'text',                     true, NULL),
    ('detail',            'text',                     true, NULL),
    ('hint',              'text',                     true, NULL) $$,
    'columns of failed_transfer'
);

SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.account' $$,
    $$ VALUES
    ('account_pkey', 'PRIMARY KEY (id)'),
    ('account_email_length',
     'CHECK (((char_length(email) >= 3) AND (char_length(email) <= 254)))'),
    ('account_balance_range', 'CHECK (((balance >= 0.00) AND (balance <= 999999.99)))'),
    ('account_entry_count_range', 'CHECK ((entry_count >= 0))') $$,
    'constraints of account'
);
SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.transaction' $$,
    $$ VALUES
    ('transaction_pkey', 'PRIMARY KEY (id)'),
    ('transaction_amount_range', 'CHECK (((amount >= 0.01) AND (amount <= 999999.99)))'),
    ('transaction_balance_range',
     'CHECK ((((source_balance >= 0.00) AND (source_balance <= 999999.99)) AND '
     '((target_balance >= 0.00) AND (target_balance <= 999999.99))))'),
    ('transaction_entry_range', 'CHECK (((source_entry >= 1) AND (target_entry >= 1)))'),
    ('transaction_some_account',
     'CHECK (((source_account_id IS NOT NULL) OR (target_account_id IS NOT NULL)))'),
    ('transaction_source_complete',
     'CHECK ((((source_account_id IS NULL) = (source_entry IS NULL)) AND '
     '((source_account_id IS NULL) = (source_balance IS NULL))))'),
    ('transaction_target_complete',
     'CHECK ((((target_account_id IS NULL) = (target_entry IS NULL)) AND '
     '((target_account_id IS NULL) = (target_balance IS NULL))))'),
    ('transaction_two_accounts', 'CHECK ((source_account_id <> target_account_id))') $$,
    'constraints of transaction'
);
SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.reversal' $$,
    $$ VALUES
    ('reversal_pkey', 'PRIMARY KEY (transaction_id)'),
    ('reversal_reverses_key', 'UNIQUE (reverses)'),
    ('reversal_transaction_id_fkey',
     'FOREIGN KEY (transaction_id) REFERENCES wallet.transaction(id)'),
    ('reversal_reverses_fkey', 'FOREIGN KEY (reverses) REFERENCES wallet.transaction(id)'),
    ('reversal_comes_later', 'CHECK ((transaction_id > reverses))') $$,
    'constraints of reversal'
);
SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.idempotency_key' $$,
    $$ VALUES
    ('idempotency_key_pkey', 'PRIMARY KEY (key)'),
    ('idempotency_key_printable', 'CHECK ((key ~ ''^[\u0020-\u007e]{1,255}$''::text))') $$,
    'constraints of idempotency_key'
);
-- No foreign key: to queue a transfer shall lock no account. No CHECK: settle() applies all rules.
SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.pending_transfer' $$,
    $$ VALUES ('pending_transfer_pkey', 'PRIMARY KEY (id)') $$,
    'constraints of pending_transfer'
);
SELECT set_eq(
    $$ SELECT name, definition FROM table_constraint WHERE relation = 'wallet.failed_transfer' $$,
    $$ VALUES ('failed_transfer_pkey', 'PRIMARY KEY (id)') $$,
    'constraints of failed_transfer'
);
SELECT is_empty(
    $$ SELECT relation, name FROM table_constraint WHERE NOT is_valid $$,
    'every constraint was checked on the rows that were there'
);

SELECT set_eq(
    $$ SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE c.relnamespace = 'wallet'::regnamespace AND i.indisvalid $$,
    $$ VALUES
    ('CREATE UNIQUE INDEX account_pkey ON wallet.account USING btree (id)'),
    ('CREATE INDEX account_email ON wallet.account USING btree (lower(email))'),
    ('CREATE UNIQUE INDEX transaction_pkey ON wallet.transaction USING btree (id)'),
    ('CREATE UNIQUE INDEX transaction_source_entry ON wallet.transaction USING btree '
     '(source_account_id, source_entry) WHERE (source_account_id IS NOT NULL)'),
    ('CREATE UNIQUE INDEX transaction_target_entry ON wallet.transaction USING btree '
     '(target_account_id, target_entry)'),
    ('CREATE UNIQUE INDEX reversal_pkey ON wallet.reversal USING btree (transaction_id)'),
    ('CREATE UNIQUE INDEX reversal_reverses_key ON wallet.reversal USING btree (reverses)'),
    ('CREATE UNIQUE INDEX idempotency_key_pkey ON wallet.idempotency_key USING btree (key)'),
    ('CREATE INDEX idempotency_key_ctime ON wallet.idempotency_key USING brin (ctime)'),
    ('CREATE UNIQUE INDEX pending_transfer_pkey ON wallet.pending_transfer USING btree (id)'),
    ('CREATE UNIQUE INDEX failed_transfer_pkey ON wallet.failed_transfer USING btree (id)') $$,
    'indexes; none is on what a transfer changes, so that its updates are HOT'
);
SELECT is(
    (SELECT array_to_string(c.reloptions, ', ') FROM pg_class c
     WHERE c.oid = 'wallet.account'::regclass),
    'fillfactor=80',
    'pages of account have room for the new versions of their rows'
);
SELECT is(
    (SELECT array_to_string(c.reloptions, ', ') FROM pg_class c
     WHERE c.oid = 'wallet.idempotency_key'::regclass),
    'fillfactor=70',
    'pages of idempotency_key have room for the answers'
);
SELECT is(
    (SELECT array_to_string(c.reloptions, ', ') FROM pg_class c
     WHERE c.oid = 'wallet.pending_transfer'::regclass),
    'autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000',
    'the queue is vacuumed early, however long it is'
);

-- A is ALWAYS: also for a session that plays the part of a replica.
SELECT set_eq(
    $$ SELECT pg_get_triggerdef(t.oid), t.tgenabled FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid
       WHERE c.relnamespace = 'wallet'::regnamespace AND NOT t.tgisinternal $$,
    $$ VALUES
    ('CREATE TRIGGER account_history BEFORE DELETE OR TRUNCATE ON '
     'wallet.account FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history()', 'A'::"char"),
    ('CREATE TRIGGER transaction_history BEFORE DELETE OR UPDATE OR TRUNCATE ON '
     'wallet.transaction FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history()', 'A'),
    ('CREATE TRIGGER reversal_history BEFORE DELETE OR UPDATE OR TRUNCATE ON '
     'wallet.reversal FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history()', 'A'),
    ('CREATE TRIGGER failed_transfer_history BEFORE DELETE OR UPDATE OR TRUNCATE ON '
     'wallet.failed_transfer FOR EACH STATEMENT EXECUTE FUNCTION wallet.keep_history()', 'A') $$,
    'triggers: none that an INSERT meets, and none that an UPDATE of an account does'
);

SELECT is_empty(
    $$ SELECT t.relation, t.name FROM table_column t
       WHERE col_description(format('wallet.%I', t.relation)::regclass, t.number) IS NULL
       UNION ALL
       SELECT c.relname, NULL FROM pg_class c
       WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'r'
         AND obj_description(c.oid, 'pg_class') IS NULL $$,
    'every table and every column has a comment'
);

SELECT * FROM finish();

ROLLBACK;
