-- Verify pgwallet:functions/once on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.once(text, text, jsonb)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Since batches it says that it refuses one that is too large.
SELECT 1 / count(*)
WHERE obj_description('wallet.once(text, text, jsonb)'::regprocedure, 'pg_proc') LIKE '%WL012%';

-- The first call under a key answers, the second gives its answer again.
SELECT 1 / count(*)
FROM (SELECT wallet.once('verify', 'reverse', '{"transaction_id": -1}')) s (a)
WHERE (a).replayed = false;
SELECT 1 / count(*)
FROM (SELECT wallet.once('verify', 'reverse', '{"transaction_id": -1}')) s (a)
WHERE (a).replayed AND ((a).refusal).sqlstate = 'WL005';

DO $$
BEGIN
    BEGIN
        PERFORM wallet.once('verify', 'reverse', '{"transaction_id": -2}');
        ASSERT false, 'another request is refused';
    EXCEPTION WHEN SQLSTATE 'WL011' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.once('', 'reverse', '{}');
        ASSERT false, 'an empty key is refused';
    EXCEPTION WHEN SQLSTATE '22023' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
