-- Verify pgwallet:functions/post on pg

BEGIN;

SELECT 1 / count(*)
FROM pg_proc p
WHERE p.oid = 'wallet.post(bigint, bigint, numeric)'::regprocedure
  AND p.proowner = 'wallet_owner'::regrole
  AND NOT has_function_privilege('wallet_app', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('wallet_reader', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
  AND regexp_count(p.prosrc, 'UPDATE wallet\.account') = 1;

-- Ids below 1 are never given out, and no sequence is touched.
INSERT INTO wallet.account (id, email, balance, frozen)
OVERRIDING SYSTEM VALUE
VALUES (-1, 'verify@example.com', 5.00, false), (-2, 'verify@example.com', 999999.00, false),
       (-4, 'verify@example.com', 5.00, true);

DO $$
BEGIN
    BEGIN
        PERFORM wallet.post(-1, -3, 1);
        ASSERT false, 'an unknown account is refused';
    EXCEPTION WHEN SQLSTATE 'WL004' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.post(-1, -2, 5.01);
        ASSERT false, 'more than the source holds is refused';
    EXCEPTION WHEN SQLSTATE 'WL006' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.post(-4, -1, 1.00);
        ASSERT false, 'a frozen account is refused';
    EXCEPTION WHEN SQLSTATE 'WL008' THEN
        NULL;
    END;
    BEGIN
        PERFORM wallet.post(-1, -2, 1.00);
        ASSERT false, 'more than the target may hold is refused';
    EXCEPTION WHEN SQLSTATE 'WL007' THEN
        NULL;
    END;
END
$$;

ROLLBACK;
