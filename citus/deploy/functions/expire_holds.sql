-- Deploy pgwallet_citus:functions/expire_holds to pg
-- requires: nodes

BEGIN;

SET LOCAL ROLE wallet_owner;

-- As sql/functions/expire_holds.sql, one hold after another: rows of several shards can be neither
-- locked in one statement nor joined in one that locks.
CREATE OR REPLACE FUNCTION wallet.expire_holds(max_items int)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_due record;
    v_left numeric;
    v_expired bigint := 0;
BEGIN
    IF (expire_holds.max_items >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid max_items',
            DETAIL = format('max_items is %s.', coalesce(max_items::text, 'NULL')),
            HINT = 'Give the most holds to end, 1 or more.';
    END IF;

    FOR v_due IN
        SELECT h.id, h.account_id FROM wallet.hold h
        WHERE h.state = 'held' AND h.expires_at <= v_now
        ORDER BY h.expires_at
    LOOP
        EXIT WHEN v_expired = expire_holds.max_items;
        CONTINUE WHEN NOT wallet.is_free(v_due.account_id);
        UPDATE wallet.hold h SET state = 'expired' WHERE h.id = v_due.id AND h.state = 'held'
        RETURNING h.amount - h.captured INTO v_left;
        IF FOUND THEN
            UPDATE wallet.account a SET held = a.held - v_left WHERE a.id = v_due.account_id;
            v_expired := v_expired + 1;
        END IF;
    END LOOP;
    RETURN v_expired;
END
$$;

COMMIT;
