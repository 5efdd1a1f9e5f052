-- Verify pgwallet:append_only on pg

BEGIN;

SELECT 1 / (count(*) = 2)::int
FROM pg_trigger t
WHERE t.tgfoid = 'wallet.keep_history()'::regprocedure
  AND t.tgenabled = 'A'
  -- BEFORE (2), DELETE (8), UPDATE (16) and TRUNCATE (32), once for each statement.
  AND t.tgtype = 2 + 8 + 16 + 32
  AND t.tgrelid IN ('wallet.transaction'::regclass, 'wallet.reversal'::regclass);

DO $$
BEGIN
    BEGIN
        DELETE FROM wallet.transaction;
        ASSERT false, 'DELETE is refused';
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
END
$$;

ROLLBACK;
