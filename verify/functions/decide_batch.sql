-- Verify pgwallet:functions/decide_batch on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.decide_batch(bigint[], wallet.transfer_request[])'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email, balance, entry_count)
OVERRIDING SYSTEM VALUE
VALUES (-2, 'verify@example.com', 5.00, 1), (-1, 'verify@example.com', 0.00, 0);

SELECT 1 / count(*)
FROM (
    SELECT string_agg(coalesce(d.sqlstate, d.state), ' ')
    FROM unnest(wallet.decide_batch(
        '{-1,-2,-3}', '{"(-2,-1,5)","(-2,-1,5)","(-2,-1,0)"}'::wallet.transfer_request[])) d
) AS s (outcomes)
WHERE s.outcomes = 'succeeded WL006 WL002';

ROLLBACK;
