-- Reserves an amount of an account's money, and returns the hold.
--
-- The balance stays as it is, but what is held can neither be moved nor held again. capture() takes
-- it, release() gives it back, and after `expires_in` it is due: nothing can be done with it then,
-- and expire_holds() gives it back. The amount is rounded to hundredths, half away from zero. The
-- hold's ctime is not before the account's last entry, even if the clock was set back.
--
-- With an idempotency_key it is done once for each key, as run_with_key() says. `actor` is who
-- asked for it; NULL is session_user.
--
-- Locks: the key, if there is one, then the account's row, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  expires_in is not more than nothing and at most 366 days
--   WL002 invalid_amount          NULL, NaN, Infinity, or not 0.01 to 999999.99 once rounded
--   WL004 account_not_found
--   WL006 insufficient_funds      the account's balance would fall below its minimum
--   WL008 account_frozen
--
--   SELECT * FROM wallet.hold(account_id => 1, amount => 5.00, expires_in => '1 hour');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.hold(
    account_id bigint, amount numeric, expires_in interval DEFAULT '7 days'
)
RETURNS wallet.hold
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_result wallet.operation_result := wallet.hold(
        hold.account_id, hold.amount, hold.expires_in, NULL);
BEGIN
    IF (v_result.refusal).sqlstate IS NOT NULL THEN
        PERFORM wallet.raise_refusal(v_result.refusal);
    END IF;
    RETURN v_result.hold;
END
$$;

CREATE OR REPLACE FUNCTION wallet.hold(
    account_id bigint, amount numeric, expires_in interval, idempotency_key text,
    actor text DEFAULT NULL
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_amount numeric := wallet.round_amount(hold.amount);
    -- So a day has 24 hours in each time zone, and a month 30 days.
    v_seconds numeric := extract(epoch FROM hold.expires_in);
    v_account record;
    v_ctime timestamptz;
    v_result wallet.operation_result;
    v_hold wallet.hold;
BEGIN
    IF hold.idempotency_key IS NOT NULL THEN
        RETURN wallet.run_with_key(hold.idempotency_key, hold.actor, 'hold', jsonb_build_object(
            'account_id', hold.account_id, 'amount', coalesce(v_amount, hold.amount),
            'seconds', v_seconds));
    ELSIF (v_seconds > 0 AND v_seconds <= 366 * 86400) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid expires_in',
            DETAIL = format('expires_in is %s.', coalesce(hold.expires_in::text, 'NULL')),
            HINT = 'Give more than no time, and at most 366 days.';
    ELSIF v_amount IS NULL THEN
        PERFORM wallet.raise_refusal(wallet.refusal('WL002', amount => hold.amount));
    END IF;

    v_result.replayed := false;
    LOOP
        -- Locks it, unless check_accounts() would refuse it.
        UPDATE wallet.account a SET held = a.held + v_amount
        WHERE a.id = hold.account_id
            AND a.balance - a.held - v_amount >= a.minimum AND NOT a.frozen
        RETURNING a.mtime INTO v_ctime;
        EXIT WHEN FOUND;
        SELECT a.balance, a.held, a.minimum, a.frozen INTO v_account
        FROM wallet.account a WHERE a.id = hold.account_id FOR NO KEY UPDATE;
        v_result.refusal := wallet.check_accounts(
            v_amount, hold.account_id, v_account.balance, v_account.held, v_account.minimum,
            v_account.frozen, NULL, NULL, NULL, NULL, outside => hold.account_id IS NOT NULL);
        IF (v_result.refusal).sqlstate IS NOT NULL THEN
            RETURN v_result;
        END IF;
    END LOOP;

    v_ctime := greatest(clock_timestamp(), v_ctime);
    INSERT INTO wallet.hold AS h (account_id, amount, expires_at, ctime, actor)
    VALUES (hold.account_id, v_amount, v_ctime + make_interval(secs => v_seconds), v_ctime,
            coalesce(hold.actor, session_user))
    RETURNING h.id, h.account_id, h.amount, h.captured, h.state, h.expires_at, h.ctime, h.actor
    INTO v_hold;
    v_result.hold := v_hold;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.hold(bigint, numeric, interval) IS
    'Reserves an amount of an account''s money, and returns the hold. Refusals: 22023 for an '
    'expires_in that is not more than nothing and at most 366 days, WL002 invalid_amount, '
    'WL004 account_not_found, WL006 insufficient_funds, WL008 account_frozen';

COMMENT ON FUNCTION wallet.hold(bigint, numeric, interval, text, text) IS
    'Reserves an amount of an account''s money, and returns the hold, once for each key. '
    'Refusals: 22023 for a bad key or expires_in, WL002 invalid_amount, WL011 '
    'idempotency_key_reused; all others are part of the result';

REVOKE ALL ON FUNCTION wallet.hold(bigint, numeric, interval),
    wallet.hold(bigint, numeric, interval, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.hold(bigint, numeric, interval),
    wallet.hold(bigint, numeric, interval, text, text) TO wallet_app;

COMMIT;
