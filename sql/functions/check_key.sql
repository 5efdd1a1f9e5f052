-- Raises an error unless a key is 1 to 255 printable ASCII characters.
--
-- For the functions that take an idempotency_key; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for a key that cannot be one.
--
--   SELECT wallet.check_key('order-17');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_key(idempotency_key text)
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    -- Not as one regular expression: '{1,255}' would make it a hundred times slower.
    IF (length(check_key.idempotency_key) BETWEEN 1 AND 255
        AND check_key.idempotency_key !~ '[^\u0020-\u007e]') IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = 'invalid idempotency key',
            DETAIL = format('The key has %s characters.', coalesce(length(idempotency_key), 0)),
            HINT = 'Give a key of 1 to 255 printable ASCII characters.';
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.check_key(text) IS
    'Raises an error unless a key is 1 to 255 printable ASCII characters. '
    'Refusals: none of class WL; 22023 for a key that cannot be one';

REVOKE ALL ON FUNCTION wallet.check_key(text) FROM PUBLIC;

COMMIT;
