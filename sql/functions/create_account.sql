-- Opens an account with a balance of 0.00 for an email address, and returns it.
--
-- check_email() says what an address is. It is stored as given. One address may own several
-- accounts.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says. `reference` and
-- `metadata` are the caller's own words for it, as annotate_account() keeps them.
--
-- Locks: the key, if there is one, until the caller's transaction ends.
-- Refusals: WL001 invalid_email.
--
--   SELECT * FROM wallet.create_account('ada@example.com');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.create_account(email text)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account;
    v_ctime timestamptz := clock_timestamp();
BEGIN
    PERFORM wallet.check_email(create_account.email);

    INSERT INTO wallet.account AS a (email, ctime, mtime)
    VALUES (create_account.email, v_ctime, v_ctime)
    RETURNING a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
              a.held, a.minimum, a.maximum
    INTO v_account;

    RETURN v_account;
END
$$;

CREATE OR REPLACE FUNCTION wallet.create_account(
    email text, idempotency_key text, actor text DEFAULT NULL,
    reference text DEFAULT NULL, metadata jsonb DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account;
BEGIN
    IF create_account.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(
            create_account.idempotency_key, create_account.actor, 'create_account',
            jsonb_build_object('email', create_account.email, 'reference', create_account.reference,
                               'metadata', create_account.metadata));
    END IF;
    v_account := wallet.create_account(create_account.email);
    IF create_account.reference IS NOT NULL OR create_account.metadata IS NOT NULL THEN
        PERFORM wallet.annotate_account(v_account.id, create_account.reference,
                                        create_account.metadata, create_account.actor);
    END IF;
    RETURN ROW(false, v_account, NULL, NULL, NULL, NULL)::wallet.operation_result;
END
$$;

COMMENT ON FUNCTION wallet.create_account(text) IS
    'Opens an account with a balance of 0.00 for an email address, and returns it. '
    'Refusals: WL001 invalid_email';

COMMENT ON FUNCTION wallet.create_account(text, text, text, text, jsonb) IS
    'Opens an account with a balance of 0.00 for an email address, and returns it, once for each '
    'key. Refusals: 22023 for a bad key, WL001 invalid_email, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.create_account(text),
    wallet.create_account(text, text, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.create_account(text),
    wallet.create_account(text, text, text, text, jsonb) TO wallet_app;

COMMIT;
