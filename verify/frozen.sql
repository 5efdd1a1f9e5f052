-- Verify pgwallet:frozen on pg

BEGIN;

SELECT a.frozen FROM wallet.account a WHERE false;

-- No account is frozen, and none is neither.
SELECT 1 / count(*)
FROM pg_attribute a
JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = 'wallet.account'::regclass
  AND a.attname = 'frozen'
  AND a.attnotnull
  AND pg_get_expr(d.adbin, d.adrelid) = 'false';

ROLLBACK;
