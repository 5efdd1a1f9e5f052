-- Verify pgwallet:functions/find_accounts on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.find_accounts(text)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND p.prosecdef
  AND 'search_path=wallet, pg_temp' = ANY (p.proconfig)
  AND has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'Verify@example.com'), (-2, 'verify@example.com');

SELECT 1 / (count(*) = 2)::int
FROM wallet.find_accounts('VERIFY@example.com') a
WHERE a.id IN (-1, -2);

ROLLBACK;
