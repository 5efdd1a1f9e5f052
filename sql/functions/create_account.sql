-- Opens an account with a balance of 0.00 for an email address, and returns it.
--
-- An address is local@domain, 3 to 254 characters, without spaces or control characters. It is
-- stored as given. One address may own several accounts.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says.
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
    v_reason text;
    v_ctime timestamptz := clock_timestamp();
BEGIN
    -- The ranges are spelled out, since classes such as \s depend on the database's locale.
    IF create_account.email IS NULL THEN
        v_reason := 'The email is NULL.';
    ELSIF create_account.email = '' THEN
        v_reason := 'The email is empty.';
    ELSIF char_length(create_account.email) > 254 THEN
        v_reason := format(
            'The email has %s characters; 254 is the limit.', char_length(create_account.email)
        );
    ELSIF create_account.email ~ '[\u0001-\u001f\u007f-\u009f]' THEN
        v_reason := 'The email has a control character in it.';
    ELSIF create_account.email !~ '^[^@\u0020\u00a0]+@[^@\u0020\u00a0]+$' THEN
        v_reason := format('The email is %L.', create_account.email);
    END IF;

    IF v_reason IS NOT NULL THEN
        PERFORM wallet.raise_refusal(ROW('WL001', 'invalid email', v_reason,
            'Give an address of the form local@domain, without spaces.')::wallet.refusal);
    END IF;

    INSERT INTO wallet.account AS a (email, ctime, mtime)
    VALUES (create_account.email, v_ctime, v_ctime)
    RETURNING a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen
    INTO v_account;

    RETURN v_account;
END
$$;

CREATE OR REPLACE FUNCTION wallet.create_account(email text, idempotency_key text)
RETURNS wallet.keyed_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.run_with_key(create_account.idempotency_key, 'create_account',
                               jsonb_build_object('email', create_account.email));
END
$$;

COMMENT ON FUNCTION wallet.create_account(text) IS
    'Opens an account with a balance of 0.00 for an email address, and returns it. '
    'Refusals: WL001 invalid_email';

COMMENT ON FUNCTION wallet.create_account(text, text) IS
    'Opens an account with a balance of 0.00 for an email address, and returns it, once for each '
    'key. Refusals: 22023 for a bad key, WL001 invalid_email, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.create_account(text), wallet.create_account(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.create_account(text), wallet.create_account(text, text)
    TO wallet_app;

COMMIT;
