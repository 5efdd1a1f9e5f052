-- Verify pgwallet:functions/lock_accounts on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.lock_accounts(bigint[])'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com'), (-2, 'verify@example.com');

SELECT 1 / count(*)
FROM (SELECT array_agg(a.id) FROM wallet.lock_accounts('{-1,-2,-3}') a) AS s (ids)
WHERE s.ids = '{-2,-1}';

ROLLBACK;
