-- Makes an API key for a client of the HTTP service, and returns it, once.
--
-- Only its SHA-256 is kept, so nobody can look it up again: if it is lost, revoke it and make
-- another one. The key is pgw_, 64 hexadecimal digits that are random, _ and a checksum: the first
-- eight digits of the SHA-256 of what stands before it. Three random UUIDs have 366 random bits.
-- The name is the actor of what the key asks for. Several keys may have one name, so that a client
-- can change to a new key before the old one is revoked. Without expires_in it never expires.
-- wallet.event_log keeps who made it. For DBAs: members of wallet_owner.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a name, scopes or an expires_in that cannot be, 54000 for
-- more than 1000 valid keys, which is what each worker of the service keeps in memory.
--
--   SELECT wallet.create_api_key('shop', scopes => '{read,write}', expires_in => '90 days');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.create_api_key(
    name text,
    scopes text[],
    expires_in interval DEFAULT NULL
)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_reason text;
    v_key text;
    v_detail text;
BEGIN
    v_reason := CASE
        WHEN (create_api_key.name ~ '^[\u0021-\u007e]{1,63}$') IS NOT TRUE
            THEN format('The name is %L.', create_api_key.name)
        WHEN EXISTS (SELECT FROM pg_roles r WHERE r.rolname = create_api_key.name)
            THEN format('The name is %L, which a database role has.', create_api_key.name)
        WHEN (create_api_key.scopes <> '{}' AND array_position(create_api_key.scopes, NULL) IS NULL
              AND create_api_key.scopes <@ ARRAY['read', 'write', 'operate']) IS NOT TRUE
            THEN format('The scopes are %L.', create_api_key.scopes)
        WHEN NOT (create_api_key.expires_in > interval '0'
                  AND create_api_key.expires_in <= interval '100 years')
            THEN format('expires_in is %L.', create_api_key.expires_in)
    END;
    IF v_reason IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid API key',
            DETAIL = v_reason,
            HINT = 'A name is 1 to 63 printable ASCII characters without spaces, and no role''s; '
                'scopes are some of read, write, operate; expires_in is up to 100 years, or NULL.';
    END IF;
    IF (SELECT count(*) FROM wallet.api_key k
        WHERE k.revoked_at IS NULL AND (k.expires_at > v_now) IS NOT FALSE) >= 1000
    THEN
        RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many API keys',
            DETAIL = 'There are 1000 valid keys.', HINT = 'Revoke keys that are not used.';
    END IF;

    v_key := 'pgw_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                                     || uuid_send(gen_random_uuid())), 'hex');
    v_key := v_key || '_' || left(encode(sha256(convert_to(v_key, 'UTF8')), 'hex'), 8);
    INSERT INTO wallet.api_key (name, hash, ending, scopes, ctime, expires_at)
    VALUES (create_api_key.name, sha256(convert_to(v_key, 'UTF8')), right(v_key, 8),
            ARRAY(SELECT DISTINCT s FROM unnest(create_api_key.scopes) s ORDER BY s),
            v_now, v_now + create_api_key.expires_in)
    RETURNING format('key %s of %s: %s', api_key.id, api_key.name,
                     array_to_string(api_key.scopes, ', ')) INTO v_detail;
    PERFORM wallet.log_event(NULL, 'create_api_key', detail => v_detail);
    RETURN v_key;
END
$$;

COMMENT ON FUNCTION wallet.create_api_key(text, text[], interval) IS
    'Makes an API key for a client of the HTTP service, and returns it, once. '
    'Refusals: none of class WL; 22023 for a name, scopes or an expires_in that cannot be, 54000 '
    'for more than 1000 valid keys, which is what each worker of the service keeps in memory';

REVOKE ALL ON FUNCTION wallet.create_api_key(text, text[], interval) FROM PUBLIC;

COMMIT;
