-- Revert pgwallet:functions/annotate from pg

BEGIN;

DROP FUNCTION wallet.annotate(bigint[], text[], jsonb[]);

COMMIT;
