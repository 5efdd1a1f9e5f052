-- Gives an account a reference and metadata in place of those that it has, and returns the account.
--
-- Both are the caller's own: by the reference find_accounts() finds the account again, metadata is
-- kept and never queried. NULL takes one away. `actor` is who asked for it; NULL is session_user.
-- Each change is kept in wallet.account_annotation; get_annotation() returns the last one.
--
-- Locks: the account's row, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the reference is not 1 to 255 printable characters, or the
--                                 metadata no JSON object of at most 4096 bytes
--   WL004 account_not_found
--
--   SELECT * FROM wallet.annotate_account(1, reference => 'customer-7', metadata => '{"tier": 2}');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.annotate_account(
    account_id bigint, reference text, metadata jsonb, actor text DEFAULT NULL
)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account;
    v_last wallet.account_annotation;
BEGIN
    PERFORM wallet.check_annotation(annotate_account.reference, annotate_account.metadata);
    PERFORM FROM wallet.account a WHERE a.id = annotate_account.account_id FOR NO KEY UPDATE;
    v_account := wallet.get_account(annotate_account.account_id);
    v_last := wallet.get_annotation(v_account.id);

    IF (v_last.reference::text, v_last.metadata::jsonb)
        IS DISTINCT FROM (annotate_account.reference, annotate_account.metadata)
    THEN
        INSERT INTO wallet.account_annotation (account_id, reference, metadata, ctime, actor)
        VALUES (v_account.id, annotate_account.reference, annotate_account.metadata,
                clock_timestamp(), coalesce(annotate_account.actor, session_user));
    END IF;

    RETURN v_account;
END
$$;

COMMENT ON FUNCTION wallet.annotate_account(bigint, text, jsonb, text) IS
    'Gives an account a reference and metadata in place of those that it has, and returns the '
    'account. Refusals: 22023 for what cannot be kept, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.annotate_account(bigint, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.annotate_account(bigint, text, jsonb, text) TO wallet_app;

COMMIT;
