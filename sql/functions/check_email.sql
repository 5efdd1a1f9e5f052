-- Raises a refusal unless an email is an address: local@domain, 3 to 254 characters.
--
-- It has no white space, control or format character, of which some are not seen and others turn
-- the text round. For the functions that take an email; nobody else may execute it.
--
-- Locks: nothing.
-- Refusals: WL001 invalid_email.
--
--   SELECT wallet.check_email('ada@example.com');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.check_email(email text)
RETURNS void
LANGUAGE plpgsql
STABLE
AS $$
DECLARE
    v_reason text;
BEGIN
    -- The characters are spelled out, since classes such as \s depend on the database's locale.
    v_reason := CASE
        WHEN check_email.email IS NULL THEN 'The email is NULL.'
        WHEN check_email.email = '' THEN 'The email is empty.'
        WHEN char_length(check_email.email) > 254 THEN format(
            'The email has %s characters; 254 is the limit.', char_length(check_email.email))
        WHEN check_email.email ~ '[\u0001-\u001f\u007f-\u009f]'
            THEN 'The email has a control character in it.'
        WHEN check_email.email
            ~ '[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
            THEN 'The email has white space in it.'
        WHEN check_email.email ~ ('[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2'
            '\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd'
            '\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a'
            '\U000e0001\U000e0020-\U000e007f]')
            THEN 'The email has a format character in it, which cannot be seen.'
        WHEN check_email.email !~ '^[^@]+@[^@]+$' THEN format('The email is %L.', check_email.email)
    END;
    IF v_reason IS NOT NULL THEN
        PERFORM wallet.raise_refusal(ROW('WL001', 'invalid email', v_reason,
            'Give an address of the form local@domain, without white space.')::wallet.refusal);
    END IF;
END
$$;

COMMENT ON FUNCTION wallet.check_email(text) IS
    'Raises a refusal unless an email is an address: local@domain, 3 to 254 characters. '
    'Refusals: WL001 invalid_email';

REVOKE ALL ON FUNCTION wallet.check_email(text) FROM PUBLIC;

COMMIT;
