-- Lets an account take part in transactions again, and returns it.
--
-- Unfreezing an account that is not frozen changes nothing. wallet.event_log keeps who asked for
-- it: `actor`, or the role that called.
-- For DBAs, and for HTTP clients whose API key has the scope operate.
--
-- Locks: the account's row, until the caller's transaction ends.
-- Refusals: WL004 account_not_found.
--
--   SELECT * FROM wallet.unfreeze_account(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.unfreeze_account(id bigint, actor text DEFAULT NULL)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    UPDATE wallet.account a SET frozen = false
    WHERE a.id = unfreeze_account.id AND a.frozen;
    IF FOUND THEN
        PERFORM wallet.log_event(unfreeze_account.actor, 'unfreeze_account',
                                 account_id => unfreeze_account.id);
    END IF;

    RETURN wallet.get_account(unfreeze_account.id);
END
$$;

COMMENT ON FUNCTION wallet.unfreeze_account(bigint, text) IS
    'Lets an account take part in transactions again, and returns it. '
    'Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.unfreeze_account(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.unfreeze_account(bigint, text) TO wallet_app;

COMMIT;
