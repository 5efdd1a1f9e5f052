-- Verify pgwallet:account_email on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_index i
WHERE i.indexrelid = to_regclass('wallet.account_email') AND i.indisvalid
  AND pg_get_expr(i.indexprs, i.indrelid) = 'lower(email)';

ROLLBACK;
