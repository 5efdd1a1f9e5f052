-- Verify pgwallet:answer_outcomes on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_attribute a
WHERE a.attrelid = 'wallet.answer'::regclass
  AND a.attname = 'outcomes'
  AND a.atttypid = 'wallet.outcome[]'::regtype;

ROLLBACK;
