-- Raises an error unless a reference and metadata are such as can be kept.
--
-- A reference is 1 to 255 printable characters, metadata a JSON object of at most 4096 bytes, as
-- PostgreSQL writes it. Either may be NULL. For the functions that keep them; nobody else may
-- execute it.
--
-- Locks: nothing.
-- Refusals: none of class WL; 22023 for what cannot be kept.
--
--   SELECT wallet.check_annotation('order-17', '{"shop": 3}');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_annotation(reference text, metadata jsonb)
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    -- As the domains have it, which would say it without a hint.
    IF NOT (length(check_annotation.reference) BETWEEN 1 AND 255
        AND check_annotation.reference !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid reference',
            DETAIL = format('The reference has %s characters, or one that is not printable.',
                            length(check_annotation.reference)),
            HINT = 'Give 1 to 255 printable characters.';
    ELSIF NOT (jsonb_typeof(check_annotation.metadata) = 'object'
        AND octet_length(check_annotation.metadata::text) <= 4096)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid metadata',
            DETAIL = format('The metadata is of type %s, and takes %s bytes.',
                            jsonb_typeof(check_annotation.metadata),
                            octet_length(check_annotation.metadata::text)),
            HINT = 'Give a JSON object of at most 4096 bytes.';
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.check_annotation(text, jsonb) IS
    'Raises an error unless a reference and metadata are such as can be kept. '
    'Refusals: none of class WL; 22023 for what cannot be kept';

REVOKE ALL ON FUNCTION wallet.check_annotation(text, jsonb) FROM PUBLIC;

COMMIT;
