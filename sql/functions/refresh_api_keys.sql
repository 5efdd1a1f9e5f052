-- Returns the valid API keys as hashes, and records that some were used today.
--
-- Each worker of the service calls it every two seconds, with the ids of the keys that were used
-- since. It waits for nobody: a row that somebody else has locked is not written, and on a
-- read-only server none is. It returns at most 1000 keys, as many as create_api_key() allows.
--
-- Locks: the rows of the keys that are used for the first time today, until the caller's
-- transaction ends.
-- Refusals: none.
--
--   SELECT name, scopes, expires_at FROM wallet.refresh_api_keys(used => '{1}');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.refresh_api_keys(used bigint[])
RETURNS TABLE (id bigint, name text, hash bytea, scopes text[], expires_at timestamptz)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    IF used <> '{}' AND NOT current_setting('transaction_read_only')::boolean THEN
        UPDATE wallet.api_key k SET last_used_on = v_today
        WHERE k.id IN (
            SELECT u.id FROM wallet.api_key u
            WHERE u.id = ANY (refresh_api_keys.used) AND u.last_used_on IS DISTINCT FROM v_today
            FOR NO KEY UPDATE SKIP LOCKED
        );
    END IF;

    RETURN QUERY SELECT k.id, k.name, k.hash, k.scopes, k.expires_at
    FROM wallet.api_key k
    WHERE k.revoked_at IS NULL AND (k.expires_at > clock_timestamp()) IS NOT FALSE
    ORDER BY k.id
    LIMIT 1000;
END
$$;

COMMENT ON FUNCTION wallet.refresh_api_keys(bigint[]) IS
    'Returns the valid API keys as hashes, and records that some were used today. Refusals: none';

REVOKE ALL ON FUNCTION wallet.refresh_api_keys(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.refresh_api_keys(bigint[]) TO wallet_app;

COMMIT;
