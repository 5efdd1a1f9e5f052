-- Verify pgwallet:functions/refusal on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.refusal(text, bigint, numeric, numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

SELECT 1 / count(*)
FROM wallet.refusal('WL006', 1, 5.00, 12.30) r
WHERE r.message = 'insufficient funds' AND r.detail LIKE '%5.00%12.30%' AND r.hint <> '';

SELECT 1 / (count(*) = 7)::int
FROM unnest(ARRAY['WL008', 'WL009', 'WL010', 'WL012', 'WL013', 'WL014', 'WL015']) AS s (sqlstate),
     wallet.refusal(s.sqlstate, 77) r
WHERE r.sqlstate = s.sqlstate AND r.detail LIKE '%77%' AND r.hint <> '';

SELECT 1 / count(*)
FROM wallet.refusal('WL011') r
WHERE r.sqlstate = 'WL011' AND r.message = 'idempotency key reused' AND r.hint <> '';

ROLLBACK;
