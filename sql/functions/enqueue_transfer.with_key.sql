-- Puts a transfer into the queue, once for each key.
--
-- As enqueue_transfer() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set; a refusal is an answer too. What is
-- queued is answered as pending, whatever has become of it since. Only what is wrong with the
-- arguments is raised, and can be tried again under the same key.
--
-- Locks: the key, then what enqueue_transfer() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL002 invalid_amount
--   WL003 same_account
--   WL011 idempotency_key_reused
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT * FROM wallet.enqueue_transfer(1, 2, 5.00, idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.enqueue_transfer(
    source_account_id bigint, target_account_id bigint, amount numeric,
    idempotency_key text
)
RETURNS wallet.answer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = wallet, pg_temp
AS $$
BEGIN
    RETURN wallet.once(
        enqueue_transfer.idempotency_key, 'enqueue_transfer',
        jsonb_build_object(
            'source_account_id', enqueue_transfer.source_account_id,
            'target_account_id', enqueue_transfer.target_account_id,
            'amount', enqueue_transfer.amount
        )
    );
END
$$;

COMMENT ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text) IS
    'Puts a transfer into the queue, once for each key. '
    'Refusals: 22023 for a bad key, WL002 invalid_amount, WL003 same_account, '
    'WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.enqueue_transfer(bigint, bigint, numeric, text)
    TO wallet_app;

COMMIT;
