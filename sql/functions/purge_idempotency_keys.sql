-- Forgets the keys that were first used longer ago than an interval, and returns how many.
--
-- A request that is sent again under a forgotten key is a new request. So keep keys for longer than
-- any client retries. For DBAs: nothing else deletes keys.
--
-- Locks: the keys' rows, until the caller's transaction ends.
-- Refusals: none of class WL; 22023 for an interval that is NULL or negative.
--
--   SELECT wallet.purge_idempotency_keys(older_than => '30 days');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.purge_idempotency_keys(older_than interval)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_purged bigint;
BEGIN
    IF (purge_idempotency_keys.older_than >= interval '0') IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid interval',
            DETAIL = format('The interval is %s.', coalesce(older_than::text, 'NULL')),
            HINT = 'Give an interval of 0 or more, such as ''30 days''.';
    END IF;

    DELETE FROM wallet.idempotency_key k
    WHERE k.ctime < v_now - purge_idempotency_keys.older_than;
    GET DIAGNOSTICS v_purged = ROW_COUNT;
    RETURN v_purged;
END
$$;

COMMENT ON FUNCTION wallet.purge_idempotency_keys(interval) IS
    'Forgets the keys that were first used longer ago than an interval, and returns how many. '
    'Refusals: none of class WL; 22023 for an interval that is NULL or negative';

REVOKE ALL ON FUNCTION wallet.purge_idempotency_keys(interval) FROM PUBLIC;

COMMIT;
