-- Who owns what and who may do what: the three roles, and PUBLIC, which may do nothing.
--
-- wallet_owner owns everything and cannot log in; wallet_app, the service, executes functions and
-- touches no table; wallet_reader reads and executes nothing that writes. Effective privileges are
-- looked at, however they were come by. tests/sql/test_privileges.py shows them at work.
--
--   CREATE EXTENSION pgtap;  \i tests/pgtap/privileges.sql

BEGIN;

SELECT plan(19);

-- Each privilege that somebody but the owner has on a table or view, or on any of its columns.
CREATE TEMPORARY VIEW relation_privilege AS
SELECT c.relname::text AS relation, r.role, p.privilege
FROM pg_class c
CROSS JOIN unnest(ARRAY['public', 'wallet_app', 'wallet_reader']) AS r (role)
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES',
                        'TRIGGER']) AS p (privilege)
WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege(r.role, c.oid, p.privilege)
       OR CASE WHEN p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
           THEN has_any_column_privilege(r.role, c.oid, p.privilege) END);

CREATE TEMPORARY VIEW function_privilege AS
SELECT p.proname::text AS function, p.pronargs AS arguments, p.provolatile AS volatility, r.role
FROM pg_proc p
CROSS JOIN unnest(ARRAY['public', 'wallet_app', 'wallet_reader']) AS r (role)
WHERE p.pronamespace = 'wallet'::regnamespace
  AND has_function_privilege(r.role, p.oid, 'EXECUTE');

-- Roles

SELECT set_eq(
    $$ SELECT r.rolname::text, r.rolcanlogin FROM pg_roles r
       WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader') $$,
    $$ VALUES ('wallet_owner', false), ('wallet_app', true), ('wallet_reader', true) $$,
    'three roles, of which the owner cannot log in'
);
SELECT is_empty(
    $$ SELECT r.rolname FROM pg_roles r
       WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
         AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
              OR r.rolbypassrls) $$,
    'none of them is anybody special'
);
SELECT is_empty(
    $$ SELECT m.member::regrole, m.roleid::regrole FROM pg_auth_members m
       WHERE m.member IN ('wallet_owner'::regrole, 'wallet_app'::regrole,
                          'wallet_reader'::regrole) $$,
    'none of them is a member of any role'
);
SELECT is_empty(
    $$ SELECT r.rolname FROM pg_roles r
       WHERE r.rolname IN ('wallet_owner', 'wallet_app', 'wallet_reader')
         AND shobj_description(r.oid, 'pg_authid') IS NULL $$,
    'each has a comment'
);

-- Owners

SELECT schema_owner_is('wallet', 'wallet_owner');
SELECT is_empty(
    $$ SELECT c.relname FROM pg_class c
       WHERE c.relnamespace = 'wallet'::regnamespace AND c.relowner <> 'wallet_owner'::regrole $$,
    'wallet_owner owns every table, view, index and sequence'
);
SELECT is_empty(
    $$ SELECT p.proname FROM pg_proc p
       WHERE p.pronamespace = 'wallet'::regnamespace AND p.proowner <> 'wallet_owner'::regrole $$,
    'wallet_owner owns every function'
);
SELECT is_empty(
    $$ SELECT t.typname FROM pg_type t
       WHERE t.typnamespace = 'wallet'::regnamespace AND t.typowner <> 'wallet_owner'::regrole $$,
    'wallet_owner owns every type'
);

-- The schema

SELECT schema_privs_are('wallet', 'wallet_owner', ARRAY['CREATE', 'USAGE']);
SELECT schema_privs_are('wallet', 'wallet_app', ARRAY['USAGE']);
SELECT schema_privs_are('wallet', 'wallet_reader', ARRAY['USAGE']);
SELECT schema_privs_are('wallet', 'public', '{}');

-- Tables, views and sequences

SELECT set_eq(
    $$ SELECT relation, role, privilege FROM relation_privilege $$,
    $$ VALUES
    ('account',              'wallet_reader', 'SELECT'),
    ('transaction',          'wallet_reader', 'SELECT'),
    ('reversal',             'wallet_reader', 'SELECT'),
    ('idempotency_key',      'wallet_reader', 'SELECT'),
    ('pending_transfer',     'wallet_reader', 'SELECT'),
    ('failed_transfer',      'wallet_reader', 'SELECT'),
    ('entry',                'wallet_reader', 'SELECT'),
    ('account_overview',     'wallet_reader', 'SELECT'),
    ('recent_transaction',   'wallet_reader', 'SELECT'),
    ('daily_activity',       'wallet_reader', 'SELECT'),
    ('largest_account',      'wallet_reader', 'SELECT'),
    ('account_wait',         'wallet_reader', 'SELECT'),
    ('size_per_transaction', 'wallet_reader', 'SELECT'),
    ('queue',                'wallet_reader', 'SELECT'),
    ('queue_stats',          'wallet_reader', 'SELECT') $$,
    'wallet_reader reads every table and view; nobody else has any privilege on one'
);
SELECT is_empty(
    $$ SELECT c.relname, r.role FROM pg_class c
       CROSS JOIN unnest(ARRAY['public', 'wallet_app', 'wallet_reader']) AS r (role)
       WHERE c.relnamespace = 'wallet'::regnamespace AND c.relkind = 'S'
         AND has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE') $$,
    'nobody but the owner has a privilege on a sequence'
);

-- Functions

SELECT set_eq(
    $$ SELECT function, arguments::int FROM function_privilege WHERE role = 'wallet_app' $$,
    $$ VALUES
    ('create_account', 1), ('get_account', 1), ('find_accounts', 1), ('deposit', 2),
    ('withdraw', 2), ('transfer', 3), ('reverse', 1), ('get_transaction', 1),
    ('get_statement', 3), ('balance_at', 2), ('transfer_batch', 2), ('enqueue_transfer', 3),
    ('transfer_or_enqueue', 4), ('settle', 1), ('get_outcome', 1),
    -- With a key.
    ('create_account', 2), ('deposit', 3), ('withdraw', 3), ('transfer', 4), ('reverse', 2),
    ('transfer_batch', 3), ('enqueue_transfer', 4), ('transfer_or_enqueue', 5) $$,
    'wallet_app executes what the service calls'
);
SELECT set_eq(
    $$ SELECT function FROM function_privilege WHERE role = 'wallet_reader' $$,
    ARRAY['get_account', 'find_accounts', 'get_transaction', 'get_statement', 'balance_at',
          'get_outcome', 'audit'],
    'wallet_reader executes what reads'
);
SELECT is_empty(
    $$ SELECT function FROM function_privilege
       WHERE role = 'public' OR (role = 'wallet_reader' AND volatility = 'v') $$,
    'PUBLIC executes nothing, and wallet_reader nothing that could write'
);

-- What comes later

SET LOCAL ROLE wallet_owner;
CREATE FUNCTION wallet.later() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE wallet.later (id int);
RESET ROLE;

SELECT is_empty(
    $$ SELECT role FROM function_privilege WHERE function = 'later' $$,
    'nobody executes a new function until it is granted'
);
SELECT is_empty(
    $$ SELECT role, privilege FROM relation_privilege WHERE relation = 'later' $$,
    'nobody reads a new table until it is granted'
);

SELECT * FROM finish();

ROLLBACK;
