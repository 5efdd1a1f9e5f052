-- Sets what an account's balance may not fall below and not pass, and returns the account.
--
-- NULL leaves a limit as it is. Both are rounded to hundredths. A negative minimum is a credit
-- line, a positive one is money that stays. The balance, less what is held, must be within the
-- limits now; entries that are there already are not looked at. `actor` is who asked for it; NULL
-- is session_user. Each change is kept in wallet.limit_change.
--
-- Locks: the account's row, until the caller's transaction ends.
-- Refusals, the first that applies:
--   WL002 invalid_amount          a limit is NaN, or not -999999.99 to 999999.99 once rounded
--   WL004 account_not_found
--   WL019 limit_in_use            the account holds more or less than that
--
--   SELECT * FROM wallet.set_limits(account_id => 1, minimum => -50.00, maximum => 5000.00);

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.set_limits(
    account_id bigint, minimum numeric, maximum numeric, actor text DEFAULT NULL
)
RETURNS wallet.account
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_largest numeric := wallet.max_amount();
    v_account wallet.account;
    v_minimum numeric;
    v_maximum numeric;
BEGIN
    -- Compared before they are rounded, since Infinity cannot be.
    IF NOT (coalesce(set_limits.minimum, 0) > -v_largest - 0.005
            AND coalesce(set_limits.minimum, 0) < v_largest + 0.005
            AND coalesce(set_limits.maximum, 0) > -v_largest - 0.005
            AND coalesce(set_limits.maximum, 0) < v_largest + 0.005)
    THEN
        PERFORM wallet.raise_refusal(ROW('WL002', 'invalid amount',
            format('The limits are %s and %s.',
                   coalesce(left(set_limits.minimum::text, 60), 'NULL'),
                   coalesce(left(set_limits.maximum::text, 60), 'NULL')),
            format('Give limits of -%s to %s.', v_largest, v_largest))::wallet.refusal);
    END IF;

    PERFORM FROM wallet.account a WHERE a.id = set_limits.account_id FOR NO KEY UPDATE;
    v_account := wallet.get_account(set_limits.account_id);
    v_minimum := coalesce(round(set_limits.minimum, 2), v_account.minimum);
    v_maximum := coalesce(round(set_limits.maximum, 2), v_account.maximum);
    IF v_account.balance - v_account.held < v_minimum OR v_account.balance > v_maximum THEN
        PERFORM wallet.raise_refusal(wallet.refusal(
            'WL019', v_account.id, v_account.balance, v_minimum, v_maximum, v_account.held));
    END IF;

    IF (v_minimum, v_maximum) <> (v_account.minimum, v_account.maximum) THEN
        UPDATE wallet.account a SET minimum = v_minimum, maximum = v_maximum
        WHERE a.id = v_account.id;
        INSERT INTO wallet.limit_change (account_id, entry, minimum, maximum, ctime, actor)
        VALUES (v_account.id, v_account.entry_count, v_minimum, v_maximum,
                greatest(clock_timestamp(), v_account.mtime),
                coalesce(set_limits.actor, session_user));
    END IF;

    RETURN wallet.get_account(v_account.id);
END
$$;

COMMENT ON FUNCTION wallet.set_limits(bigint, numeric, numeric, text) IS
    'Sets what an account''s balance may not fall below and not pass, and returns the account. '
    'Refusals: WL002 invalid_amount, WL004 account_not_found, WL019 limit_in_use';

REVOKE ALL ON FUNCTION wallet.set_limits(bigint, numeric, numeric, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.set_limits(bigint, numeric, numeric, text) TO wallet_app;

COMMIT;
