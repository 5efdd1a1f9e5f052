-- Verify pgwallet:functions/write_batch on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.write_batch(wallet.outcome[])'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE');

-- Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email, balance, entry_count)
OVERRIDING SYSTEM VALUE
VALUES (-2, 'verify@example.com', 5.00, 1), (-1, 'verify@example.com', 0.00, 0);

SELECT wallet.write_batch(wallet.decide_batch(
    '{-1}', '{"(-2,-1,5)"}'::wallet.transfer_request[]));
SELECT 1 / count(*) FROM wallet.transaction t WHERE t.id = -1 AND t.source_entry = 2;
SELECT 1 / (count(*) = 2)::int
FROM wallet.account a
WHERE (a.id, a.balance, a.entry_count) IN ((-2, 0.00, 2), (-1, 5.00, 1));

ROLLBACK;
