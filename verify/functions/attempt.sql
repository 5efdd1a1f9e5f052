-- Verify pgwallet:functions/attempt on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.attempt(text, jsonb)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

SELECT 1 / count(*)
FROM wallet.attempt('reverse', '{"transaction_id": -1}') a
WHERE (a.refusal).sqlstate = 'WL005' AND NOT a.replayed;

SELECT 1 / (count(*) = 3)::int
FROM (VALUES
    ('transfer_batch', '{"transfers": [], "atomic": true}'),
    ('enqueue_transfer', '{"source_account_id": -1, "target_account_id": -2, "amount": 1}'),
    ('transfer_or_enqueue',
     '{"source_account_id": -1, "target_account_id": -2, "amount": 1, "wait": 0}')
) AS o (operation, arguments), wallet.attempt(o.operation, o.arguments::jsonb) a
WHERE (a.refusal).sqlstate = 'WL004' OR a.outcomes = '{}';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.attempt('deposit', '{"account_id": -1, "amount": 0}');
        ASSERT false, '0 is refused';
    EXCEPTION WHEN SQLSTATE 'WL002' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
