-- Runs an operation, unless its key has been used: then it returns the first result again.
--
-- A key belongs to its actor; NULL is session_user. How long the caller would wait is no part of
-- the request: a retry may have less time.
-- The key's row is written first, before any account is locked, in the transaction of the
-- operation: both are there or neither is. A second call with the key waits for the first one to
-- commit. A refusal is kept too, so that a late duplicate cannot succeed after the caller was told
-- no. But refusals of the arguments (WL001 to WL003, WL012) are raised and leave no trace. For the
-- functions that take an idempotency_key; nobody else may execute it. Deposits, withdrawals and
-- transfers take run_keyed() in its place, which keeps keys in the same way.
--
-- Locks: the key, then what the operation locks, until the caller's transaction ends.
-- Refusals, the first that applies:
--   22023 invalid_parameter_value  the key is not 1 to 255 printable ASCII characters
--   WL011 idempotency_key_reused   the key was used for another request
--   WL001 invalid_email
--   WL002 invalid_amount
--   WL003 same_account
--   WL012 batch_too_large
-- All others are part of the result.
--
--   SELECT (wallet.run_with_key('k-1', 'ada', 'reverse', '{"transaction_id": 2}')).transaction;

BEGIN;

SET LOCAL ROLE wallet_owner;

CREATE OR REPLACE FUNCTION wallet.run_with_key(
    idempotency_key text, actor text, operation text, arguments jsonb
)
RETURNS wallet.operation_result
LANGUAGE plpgsql
VOLATILE
AS $$
DECLARE
    v_actor text := coalesce(run_with_key.actor, session_user);
    -- What it is called with stands in the place of the metadata.
    v_hash bytea := wallet.hash_request(ROW(
        run_with_key.operation, NULL, NULL, NULL, NULL, NULL, NULL,
        run_with_key.arguments - 'wait'));
    v_known wallet.idempotency_key;
    v_result wallet.operation_result;
    v_results wallet.transfer_result[];
    v_is_batch boolean := run_with_key.operation = 'transfer_batch';
BEGIN
    PERFORM wallet.check_key(run_with_key.idempotency_key);

    INSERT INTO wallet.idempotency_key AS k (actor, key, request_hash, ctime)
    VALUES (v_actor, run_with_key.idempotency_key, v_hash, clock_timestamp())
    ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        SELECT k.actor, k.key, k.request_hash, k.ctime, k.transaction_id, k.account_id,
               k.transaction_ids, k.results, k.refusal, k.hold
        INTO v_known
        FROM wallet.idempotency_key k
        WHERE k.actor = v_actor AND k.key = run_with_key.idempotency_key;
        IF NOT FOUND THEN
            -- Purged between the two statements: it is a new key again.
            RETURN wallet.run_with_key(run_with_key.idempotency_key, v_actor,
                                       run_with_key.operation, run_with_key.arguments);
        ELSIF v_known.request_hash <> v_hash THEN
            PERFORM wallet.raise_refusal(wallet.refusal('WL011'));
        END IF;
        RETURN wallet.replay_result(v_known);
    END IF;

    v_result := wallet.run_operation(run_with_key.operation, run_with_key.arguments, v_actor);
    v_results := v_result.results;
    IF v_is_batch THEN
        v_results := ARRAY(SELECT r FROM unnest(v_result.results) r WHERE r.state = 'failed');
    END IF;
    UPDATE wallet.idempotency_key k
    SET transaction_id = (v_result.transaction).id, account_id = (v_result.account).id,
        transaction_ids = CASE WHEN v_is_batch
            THEN ARRAY(SELECT r.id FROM unnest(v_result.results) r) END,
        results = v_results, refusal = v_result.refusal, hold = v_result.hold
    WHERE k.actor = v_actor AND k.key = run_with_key.idempotency_key;
    RETURN v_result;
END
$$;

COMMENT ON FUNCTION wallet.run_with_key(text, text, text, jsonb) IS
    'Runs an operation, unless its key has been used: then it returns the first result again. '
    'Refusals: 22023 for a bad key, WL011 idempotency_key_reused, WL001 invalid_email, '
    'WL002 invalid_amount, WL003 same_account, WL012 batch_too_large';

REVOKE ALL ON FUNCTION wallet.run_with_key(text, text, text, jsonb) FROM PUBLIC;

COMMIT;
