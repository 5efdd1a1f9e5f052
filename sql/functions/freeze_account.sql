-- Keeps an account out of new transactions, and returns it.
--
-- Its balance stays and can be read. A second freeze changes nothing. wallet.event_log keeps who
-- asked for it: `actor`, or the role that called.
-- For DBAs, and for HTTP clients whose API key has the scope operate.
--
-- Locks: the account's row, until the caller's transaction ends.
-- Refusals: WL004 account_not_found.
--
--   SELECT * FROM wallet.freeze_account(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.freeze_account(id bigint, actor text DEFAULT NULL)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    UPDATE wallet.account a SET frozen = true
    WHERE a.id = freeze_account.id AND NOT a.frozen;
    IF FOUND THEN
        PERFORM wallet.log_event(freeze_account.actor, 'freeze_account',
                                 account_id => freeze_account.id);
    END IF;

    RETURN wallet.get_account(freeze_account.id);
END
$$;

COMMENT ON FUNCTION wallet.freeze_account(bigint, text) IS
    'Keeps an account out of new transactions, and returns it. '
    'Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.freeze_account(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.freeze_account(bigint, text) TO wallet_app;

COMMIT;
