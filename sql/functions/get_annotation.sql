-- Returns an account's reference and metadata, with who gave them when; or NULL, if it has none.
--
-- Locks: nothing.
-- Refusals: none. An account that is not there has none either.
--
--   SELECT n.reference, n.metadata FROM wallet.get_annotation(account_id => 1) n;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_annotation(account_id bigint)
RETURNS wallet.account_annotation
LANGUAGE plpgsql
-- It changes nothing, but sees what was changed earlier in its caller's statement.
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_annotation wallet.account_annotation;
BEGIN
    SELECT n.account_id, n.id, n.reference, n.metadata, n.ctime, n.actor
    INTO v_annotation
    FROM wallet.account_annotation n
    WHERE n.account_id = get_annotation.account_id
    ORDER BY n.id DESC
    LIMIT 1;

    RETURN v_annotation;
END
$$;

COMMENT ON FUNCTION wallet.get_annotation(bigint) IS
    'Returns an account''s reference and metadata, with who gave them when; or NULL, if it has '
    'none. Refusals: none';

REVOKE ALL ON FUNCTION wallet.get_annotation(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_annotation(bigint) TO wallet_app, wallet_reader;

COMMIT;
