-- Moves the money of a transaction back, once for each key.
--
-- As reverse() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set; a refusal is an answer too. Only
-- what is wrong with the arguments is raised, and can be tried again under the same key.
--
-- Locks: the key, then what reverse() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL011 idempotency_key_reused
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT * FROM wallet.reverse(transaction_id => 1, idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.reverse(transaction_id bigint, idempotency_key text)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.once(
        reverse.idempotency_key, 'reverse',
        jsonb_build_object('transaction_id', reverse.transaction_id)
    );
END
$$;

COMMENT ON FUNCTION wallet.reverse(bigint, text) IS
    'Moves the money of a transaction back, once for each key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.reverse(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.reverse(bigint, text) TO wallet_app;

COMMIT;
