-- Raises a refusal: the one place that does.
--
-- For the functions of this schema; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: the one that it is given.
--
--   SELECT wallet.raise_refusal(wallet.refusal('WL004', id => 7));

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.raise_refusal(refusal wallet.refusal)
RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = (raise_refusal.refusal).sqlstate,
        MESSAGE = (raise_refusal.refusal).message, DETAIL = (raise_refusal.refusal).detail,
        HINT = (raise_refusal.refusal).hint;
END
$$;

COMMENT ON FUNCTION wallet.raise_refusal(wallet.refusal) IS
    'Raises a refusal: the one place that does. Refusals: the one that it is given';

REVOKE ALL ON FUNCTION wallet.raise_refusal(wallet.refusal) FROM PUBLIC;

COMMIT;
