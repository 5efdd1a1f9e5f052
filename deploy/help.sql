-- Deploy pgwallet:help to pg
-- requires: views
-- requires: functions/audit

BEGIN;

SET LOCAL ROLE wallet_owner;

-- What is SECURITY DEFINER, or granted, is for callers. All other functions are parts of these.
CREATE VIEW wallet.help AS
SELECT p.proname AS function,
       pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_result(p.oid) AS returns,
       split_part(d.comment, ' Refusals: ', 1) AS description,
       split_part(d.comment, ' Refusals: ', 2) AS refusals
FROM pg_proc p
CROSS JOIN LATERAL (VALUES (obj_description(p.oid, 'pg_proc'))) AS d (comment)
WHERE p.pronamespace = 'wallet'::regnamespace
  AND (p.prosecdef OR has_function_privilege('wallet_app', p.oid, 'EXECUTE'))
ORDER BY p.proname, p.pronargs;

COMMENT ON VIEW wallet.help IS
    'The manual: each function, its arguments, what it returns and does, and its refusals';
COMMENT ON COLUMN wallet.help.function IS 'Its name in schema wallet';
COMMENT ON COLUMN wallet.help.arguments IS 'Its parameters with their types and defaults';
COMMENT ON COLUMN wallet.help.returns IS 'The type of what it returns';
COMMENT ON COLUMN wallet.help.description IS 'What it does';
COMMENT ON COLUMN wallet.help.refusals IS
    'SQLSTATE and code of each refusal, the first that applies first; docs/errors.md explains them';

GRANT SELECT ON wallet.help TO wallet_reader;

COMMIT;
