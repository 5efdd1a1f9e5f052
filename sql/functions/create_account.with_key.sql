-- Opens an account for an email address, once for each key.
--
-- As create_account() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set; a refusal is an answer too. Only
-- what is wrong with the arguments is raised, and can be tried again under the same key.
--
-- Locks: the key, then what create_account() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL001 invalid_email
--   WL011 idempotency_key_reused
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT * FROM wallet.create_account(email => 'ada@example.com', idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.create_account(email text, idempotency_key text)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.once(
        create_account.idempotency_key, 'create_account',
        jsonb_build_object('email', create_account.email)
    );
END
$$;

COMMENT ON FUNCTION wallet.create_account(text, text) IS
    'Opens an account for an email address, once for each key. '
    'Refusals: 22023 for a bad key, WL001 invalid_email, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.create_account(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.create_account(text, text) TO wallet_app;

COMMIT;
