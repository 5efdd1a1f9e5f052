-- Deploy pgwallet_citus:functions/lock_accounts to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- As sql/functions/lock_accounts.sql, with a statement for each account: a statement that locks
-- rows may ask one shard alone. A node hears of lock_timeout only through SET LOCAL.
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
    v_moment int := 20;
    v_id bigint;
    v_account wallet.account;
    v_accounts wallet.account[];
BEGIN
    LOOP
        BEGIN
            EXECUTE format('SET LOCAL lock_timeout = %s', least(nullif(v_left, 0), v_moment));
            v_accounts := '{}';
            FOR v_id IN SELECT DISTINCT i FROM unnest(lock_accounts.ids) i
                        WHERE i IS NOT NULL ORDER BY i LOOP
                SELECT a.id, a.email, a.balance, a.ctime, a.mtime, a.entry_count, a.frozen,
                       a.held, a.minimum, a.maximum INTO v_account
                FROM wallet.account a WHERE a.id = v_id FOR NO KEY UPDATE;
                v_accounts := v_accounts || CASE WHEN FOUND THEN v_account END;
            END LOOP;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
        -- The others are let go of. Wait for this one, and begin again.
        v_moment := least(2 * v_moment, 80);
        v_left := ceil(extract(epoch FROM v_deadline - clock_timestamp()) * 1000)::int;
        IF v_wait > 0 AND v_left <= 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available', MESSAGE = 'account locked',
                DETAIL = format('An account stayed locked for %s ms.', v_wait),
                HINT = 'Try again later. SELECT * FROM citus_lock_waits shows who holds it.';
        END IF;
        BEGIN
            EXECUTE format('SET LOCAL lock_timeout = %s', greatest(v_left, 0));
            PERFORM FROM wallet.account a WHERE a.id = v_id FOR NO KEY UPDATE;
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
    END LOOP;
    EXECUTE format('SET LOCAL lock_timeout = %L', v_setting);
    RETURN v_accounts;
END
$$;

COMMIT;
