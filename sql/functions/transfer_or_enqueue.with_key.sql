-- Makes a transfer or puts it into the queue, once for each key.
--
-- As transfer_or_enqueue() without a key, but a second call with the same key and arguments does
-- nothing and gets the first one's answer, with replayed set; a refusal is an answer too. What is
-- queued is answered as pending, whatever has become of it since. Only what is wrong with the
-- arguments is raised, and can be tried again under the same key.
--
-- Locks: the key, then what transfer_or_enqueue() locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters,
--                                  or `wait` is not 0 to 3600
--   WL002 invalid_amount
--   WL003 same_account
--   WL011 idempotency_key_reused
-- All others are part of the answer. A key that was used for another request is refused before
-- what is asked for is looked at.
--
--   SELECT * FROM wallet.transfer_or_enqueue(1, 2, 5.00, 0.5, idempotency_key => 'k-1');

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.transfer_or_enqueue(
    source_account_id bigint, target_account_id bigint, amount numeric, wait numeric,
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
        transfer_or_enqueue.idempotency_key, 'transfer_or_enqueue',
        jsonb_build_object(
            'source_account_id', transfer_or_enqueue.source_account_id,
            'target_account_id', transfer_or_enqueue.target_account_id,
            'amount', transfer_or_enqueue.amount,
            'wait', transfer_or_enqueue.wait
        )
    );
END
$$;

COMMENT ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text) IS
    'Makes a transfer or puts it into the queue, once for each key. '
    'Refusals: 22023 for a bad key or wait, WL002 invalid_amount, WL003 same_account, '
    'WL011 idempotency_key_reused';

REVOKE ALL ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wallet.transfer_or_enqueue(bigint, bigint, numeric, numeric, text)
    TO wallet_app;

COMMIT;
