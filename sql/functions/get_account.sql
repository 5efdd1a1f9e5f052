-- Returns an account as it is now.
--
-- Locks: nothing. A transfer that has not committed yet does not show.
-- Refusals: WL004 account_not_found.
--
--   SELECT * FROM wallet.get_account(1);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.get_account(id bigint)
RETURNS wallet.account
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account;
BEGIN
    SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
           a.held, a.minimum, a.maximum
    INTO v_account
    FROM wallet.account a
    WHERE a.id = get_account.id;

    IF NOT FOUND THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL004', get_account.id));
    END IF;

    RETURN v_account;
END
$$;

COMMENT ON FUNCTION wallet.get_account(bigint) IS
    'Returns an account as it is now. Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.get_account(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.get_account(bigint) TO wallet_app, wallet_reader;

COMMIT;
