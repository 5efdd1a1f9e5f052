-- Returns an account's balance as of a moment, or NULL for a moment before it was opened.
--
-- Times never run backwards along the entries, and entries have no gap. So it finds the last entry
-- up to the moment by halving, in 20 steps for a million entries, and returns its stored balance.
--
-- Locks: nothing.
-- Refusals: WL004 account_not_found.
--
--   SELECT wallet.balance_at(account_id => 1, at => '2026-01-01 00:00+00');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.balance_at(account_id bigint, at timestamptz)
RETURNS numeric
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_account wallet.account := wallet.get_account(balance_at.account_id);
    -- The entry looked for is v_low or lies between v_low and v_high; entry 0 is the opening.
    v_low bigint := 0::bigint;
    v_high bigint := v_account.entry_count::bigint;
    v_middle bigint;
    v_ctime timestamptz;
BEGIN
    IF (balance_at.at >= v_account.ctime) IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high + 1) / 2;
        SELECT e.ctime INTO STRICT v_ctime
        FROM wallet.entry e
        WHERE e.account_id = balance_at.account_id AND e.entry = v_middle;
        IF v_ctime <= balance_at.at THEN
            v_low := v_middle;
        ELSE
            v_high := v_middle - 1;
        END IF;
    END LOOP;

    RETURN coalesce(
        (SELECT e.balance FROM wallet.entry e
         WHERE e.account_id = balance_at.account_id AND e.entry = v_low),
        0.00
    );
END
$$;

COMMENT ON FUNCTION wallet.balance_at(bigint, timestamptz) IS
    'Returns an account''s balance as of a moment, or NULL for a moment before it was opened. '
    'Refusals: WL004 account_not_found';

REVOKE ALL ON FUNCTION wallet.balance_at(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.balance_at(bigint, timestamptz) TO wallet_app, wallet_reader;

COMMIT;
