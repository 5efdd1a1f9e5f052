-- Gives an account another email address, and returns the account.
--
-- To erase a person's address, set one that names nobody, such as 'erased@example.invalid'. No
-- other table holds the old one, and the ledger stays whole. wallet.event_log keeps who asked for
-- it (`actor`, or the role that called), and neither address.
-- For DBAs, and for HTTP clients whose API key has the scope operate.
--
-- Locks: the account's row, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL001 invalid_email
--   WL004 account_not_found
--
--   SELECT * FROM wallet.set_email(account_id => 1, email => 'ada@example.org');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.set_email(
    account_id bigint, email text, actor text DEFAULT NULL
)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    PERFORM wallet.check_email(set_email.email);

    UPDATE wallet.account a SET email = set_email.email WHERE a.id = set_email.account_id;
    IF FOUND THEN
        PERFORM wallet.log_event(set_email.actor, 'set_email', set_email.account_id);
    END IF;

    RETURN wallet.get_account(set_email.account_id);
END
$$;

COMMENT ON FUNCTION wallet.set_email(bigint, text, text) IS
    'Gives an account another email address, and returns the account. '
    'Refusals: WL001 invalid_email, WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.set_email(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.set_email(bigint, text, text) TO wallet_app;

COMMIT;
