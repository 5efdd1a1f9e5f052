-- Revokes an API key, and returns since when it is revoked.
--
-- The service refuses it within five seconds. A second call changes nothing and returns the first
-- one's time. wallet.event_log keeps who did it. For DBAs: members of wallet_owner.
-- wallet.api_key_overview has the ids.
--
-- Locks: the key's row, until the caller's transaction ends.
-- Refusals: none of class WL; 22023 for an id that no key has.
--
--   SELECT wallet.revoke_api_key(k.id) FROM wallet.api_key_overview k WHERE k.name = 'shop';

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.revoke_api_key(id bigint)
RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_revoked_at timestamptz;
BEGIN
    UPDATE wallet.api_key k SET revoked_at = clock_timestamp()
    WHERE k.id = revoke_api_key.id AND k.revoked_at IS NULL;
    IF FOUND THEN
        PERFORM wallet.log_event(
            NULL, 'revoke_api_key',
            detail => (SELECT format('key %s of %s', k.id, k.name) FROM wallet.api_key k
                       WHERE k.id = revoke_api_key.id));
    END IF;

    SELECT k.revoked_at INTO v_revoked_at FROM wallet.api_key k WHERE k.id = revoke_api_key.id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'no such API key',
            DETAIL = format('The id is %s.', coalesce(revoke_api_key.id::text, 'NULL')),
            HINT = 'wallet.api_key_overview lists the keys.';
    END IF;

    RETURN v_revoked_at;
END
$$;

COMMENT ON FUNCTION wallet.revoke_api_key(bigint) IS
    'Revokes an API key, and returns since when it is revoked. '
    'Refusals: none of class WL; 22023 for an id that no key has';

REVOKE ALL ON FUNCTION wallet.revoke_api_key(bigint) FROM PUBLIC;

COMMIT;
