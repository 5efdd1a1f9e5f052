-- Locks accounts by ascending id, and returns them as they are once locked.
--
-- Ids that name no account are left out. `wait` bounds the whole call, in milliseconds; NULL takes
-- the session's lock_timeout, and 0 waits for ever. (PostgreSQL applies lock_timeout to each wait
-- by itself, and one row can take two.) While it waits longer than a moment for an account, it
-- holds no other. For the functions that move money, which are SECURITY DEFINER and pin the
-- search_path; nobody else may execute it.
--
-- Locks: the accounts' rows, by ascending id, until the caller's transaction ends.
-- Refusals: none of class WL; 55P03 lock_not_available when it takes longer than `wait`.
--
--   SELECT a.id, a.balance FROM unnest(wallet.lock_accounts(ARRAY[2, 1])) a;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.lock_accounts(ids bigint[], wait int DEFAULT NULL)
RETURNS wallet.account[]
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_setting text := current_setting('lock_timeout');
    v_wait int := coalesce(
        lock_accounts.wait, (extract(epoch FROM v_setting::interval) * 1000)::int);
    v_deadline timestamptz := clock_timestamp() + v_wait * interval '1 millisecond';
    v_left int := v_wait;
    -- How long to wait for one account while others are held; NULL is not at all.
    v_moment int := CASE WHEN v_wait <= 20 THEN v_wait END;
    v_let_go wallet.refusal := ROW('55P03', 'locks are let go', '', '');
    v_locked bigint;
    v_accounts wallet.account[];
BEGIN
    LOOP
        IF v_moment IS NOT NULL THEN
            BEGIN
                PERFORM set_config('lock_timeout', least(v_left, v_moment)::text, true);
                -- An id never changes, so the order of the sort is the order of the locks. A row
                -- that was waited for is returned in its newest version.
                v_accounts := ARRAY(
                    SELECT ROW(a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
                               a.held, a.minimum, a.maximum)::wallet.account
                    FROM wallet.account a WHERE a.id = ANY (lock_accounts.ids)
                    ORDER BY a.id FOR NO KEY UPDATE);
                EXIT;
            EXCEPTION WHEN lock_not_available THEN NULL;
            END;
        END IF;
        v_moment := least(coalesce(2 * v_moment, 20), 80);

        -- Lock what is free. If that is not all, let go of it, and wait for the first locked one.
        BEGIN
            v_locked := (
                SELECT min(a.id) FROM wallet.account a
                WHERE a.id = ANY (lock_accounts.ids) AND a.id <> ALL (ARRAY(
                    SELECT f.id FROM wallet.account f WHERE f.id = ANY (lock_accounts.ids)
                    ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED)));
            IF v_locked IS NOT NULL THEN
                PERFORM wallet.raise_refusal(v_let_go);
            END IF;
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
        LOOP
            v_left := ceil(extract(epoch FROM v_deadline - clock_timestamp()) * 1000)::int;
            IF v_left <= 0 THEN
                RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'account locked',
                    DETAIL = format('An account stayed locked for %s ms.', v_wait),
                    HINT = 'Try again later. wallet.account_wait shows who holds it.';
            END IF;
            EXIT WHEN v_locked IS NULL;
            -- Short turns: two waits for one row overrun the deadline by little.
            BEGIN
                PERFORM set_config(
                    'lock_timeout', least(v_left, greatest(v_wait / 16, 20))::text, true);
                PERFORM FROM wallet.account a WHERE a.id = v_locked FOR NO KEY UPDATE;
                v_locked := NULL;
                PERFORM wallet.raise_refusal(v_let_go);
            EXCEPTION WHEN lock_not_available THEN NULL;
            END;
        END LOOP;
    END LOOP;
    PERFORM set_config('lock_timeout', v_setting, true);
    RETURN v_accounts;
END
$$;

COMMENT ON FUNCTION wallet.lock_accounts(bigint[], int) IS
    'Locks accounts by ascending id, and returns them as they are once locked. '
    'Refusals: none of class WL; 55P03 when it takes longer than `wait`';

REVOKE ALL ON FUNCTION wallet.lock_accounts(bigint[], int) FROM PUBLIC;

COMMIT;
