-- Makes many transfers, one after another, once for each key.
--
-- As transfer_batch() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set: the outcomes, refusals among them.
--
-- Locks: the key, then what transfer_batch() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL011 idempotency_key_reused
--   WL012 batch_too_large
-- All others are outcomes. A key that was used for another request is refused before what is asked
-- for is looked at.
--
--   SELECT * FROM wallet.transfer_batch('{"(1,2,5.00)"}', false, idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer_batch(
    transfers wallet.transfer_request[], atomic boolean, idempotency_key text
)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.once(
        transfer_batch.idempotency_key, 'transfer_batch',
        jsonb_build_object(
            'transfers', coalesce(to_jsonb(transfer_batch.transfers), '[]'),
            'atomic', transfer_batch.atomic
        )
    );
END
$$;

COMMENT ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean, text) IS
    'Makes many transfers, one after another, once for each key. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer_batch(wallet.transfer_request[], boolean, text)
    TO wallet_app;

COMMIT;
